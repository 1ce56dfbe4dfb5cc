"""`recipe check --language CODE`: whether a language profile does what the steps that read it need."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from compiler.language.conformance.conform import conform
from compiler.language.conformance.subject import Exam, Subject, Verdict
from compiler.language.known import Unknown, know
from compiler.recipe.profiles import Loaded, load_profile
from compiler.text.diagnostics import Diagnostic, RecipeError, printed
from compiler.text.project import Place, package_root, project_around
from runtime.build.session import Session
from runtime.cli.options import answer
from runtime.store.store import StoreError

#: A file of text or items is read as a whole.
MAX_BYTES = 64 << 20


def check_language(session: Session | None, code: str, anchor: str, texts: str | None, exams: str | None, as_json: bool) -> None:
    """Print a verdict for each check of a profile and the line to write where one is wrong; exits 2 where one is."""
    place = session.text.place if session is not None else place_of(Path.cwd())
    own, other = profile_of(place, code), profile_of(place, anchor)
    try:
        known, known_anchor = know(code), know(anchor)
    except Unknown as error:
        raise StoreError(str(error), error.hint) from None
    more = tuple(line for line in lines_in(texts) if line.strip()) if texts is not None else ()
    subject = Subject(
        own.profile,
        other.profile,
        known,
        known_anchor,
        (*known.sample, *more),
        known_anchor.sample,
        tuple(exams_in(exams)) if exams is not None else (),
    )
    found = conform(subject)
    wrong = sum(each.state == "wrong" for each in found)
    answer(as_json, as_value(own, subject, found), list(printed_lines(own, subject, found)))
    if wrong:
        sys.exit(2)


def place_of(folder: Path) -> Place:
    """The place of a recipe that would stand in a folder."""
    root = project_around(folder) or folder.resolve()
    return Place(folder.resolve() / "recipe.yaml", "recipe.yaml", root, package_root(), (root, package_root()))


def profile_of(place: Place, code: str) -> Loaded:
    """The profile of a language, as a recipe there would find it; raises RecipeError where there is none, or a wrong one."""
    path = place.find("languages", code)
    if path is None:
        known = ", ".join(place.names("languages"))
        hint = f"there is: {known}; `recipe new --language {code}` drafts one"
        raise RecipeError(Diagnostic(f"there is no language profile `{code}` here", None, hint))
    return load_profile(path, place)


def lines_in(path: str) -> Iterator[str]:
    """The lines of a file of text."""
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise StoreError(f"`{path}` is larger than {MAX_BYTES >> 20} MB", "a sample of it is enough")
        yield from Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"`{path}` cannot be read: {error}", "a file of text in UTF-8 is read") from None


def exams_in(path: str) -> Iterator[Exam]:
    """The items of a file of JSON lines."""
    for number, line in enumerate(lines_in(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            yield Exam(str(row["question"]), tuple(str(each) for each in row["options"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise StoreError(
                f"{path}:{number}: no item of an exam", 'write {"question": "...", "options": ["...", "..."]}'
            ) from None


def printed_lines(own: Loaded, subject: Subject, found: Sequence[Verdict]) -> Iterator[str]:
    """A line for each verdict, and the score."""
    counts = (
        f"{len(subject.texts)} paragraphs, {len(subject.anchor_texts)} in {subject.anchor.name}, {len(subject.exams)} exam items"
    )
    yield f"{own.node.span.text.name}: {subject.name}, tried on {counts}"
    width = max(len(each.check) for each in found)
    for each in found:
        yield printed(f"{each.state:<9}  {each.check:<{width}}  {each.told}")
        if each.line and each.state != "ok":
            yield printed(f"{'':<9}  {'':<{width}}  write: {each.line}")
    ok, wrong = (sum(each.state == state for each in found) for state in ("ok", "wrong"))
    rest = len(found) - ok - wrong
    yield f"score {ok} of {ok + wrong}" + (f"; {rest} not tried" if rest else "")


def as_value(own: Loaded, subject: Subject, found: Sequence[Verdict]) -> dict[str, object]:
    """The same as JSON."""
    return {
        "language": subject.profile.language,
        "anchor": subject.anchor.language,
        "profile": own.node.span.text.name,
        "paragraphs": len(subject.texts),
        "exams": len(subject.exams),
        "ok": not any(each.state == "wrong" for each in found),
        "score": [sum(each.state == "ok" for each in found), sum(each.state != "not tried" for each in found)],
        "checks": [each._asdict() for each in found],
    }
