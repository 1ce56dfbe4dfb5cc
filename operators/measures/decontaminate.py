"""Whether a row has text of a benchmark in it: n-grams of segments, of the text as it is, and of its letters alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from operators.base.declare import Role, decided, field, tuning
from operators.base.obligation import Obligation
from operators.base.scope import Complaint, Scope
from operators.base.values import Texts, Values
from operators.conversations.looks import LOOKS, WHOLE
from operators.measures.families import Search
from operators.text.fold import Folding, folded_rules

if TYPE_CHECKING:
    import pyarrow as pa

    from operators.kernels.overlap.ngrams import Item, Unit
    from operators.kernels.overlap.search import Index

Pass = Literal["segments", "raw", "squeezed", "parts"]
#: Characters of an n-gram of the third pass where a profile has no `squeezed_length`: a number of Hangul.
SQUEEZED = 24
Library = Literal["kiwipiepy", "python-mecab-ko", "words", "characters"]
#: What cuts text into segments -> the distributions whose version decides how.
SEGMENTERS: dict[str, tuple[str, ...]] = {
    "kiwipiepy": ("kiwipiepy", "kiwipiepy-model"),
    "python-mecab-ko": ("python-mecab-ko", "python-mecab-ko-dic"),
}
#: The column with the rows' questions.
QUESTION = "prompt"
Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


BY_TURN = ".turns"
"""What a conversation is called, behind its name, beside the text of all its turns."""


class Decontaminate(Search):
    """Drop rows in which text of a benchmark stands, prompts and reasoning alike (paper section 5.3).

    What is looked for are n-grams of the benchmarks' questions with their options, and of each other text that they map. The
    paper's two passes are `segments` and `raw`; the others find what they miss. In `segments` the text is in NFKC, without
    case, with letters by the profile's `fold`, a space for every character that is no letter, mark or number, and cut by the
    segmenter of the profile (`ngrams`), where morphemes that share a character are one: 13 segments that are equal are one equal
    string without spaces. In `raw` it is as it is, in the words, or characters, that the profile says. `squeezed` compares the
    letters, marks and numbers alone, so that no spacing, line break or punctuation hides anything. One n-gram in one pass is
    enough. `fold` holds everywhere in a text, in formulas and code too, so that no mark around an item hides it.

    `parts` finds items that are shorter than an n-gram: the question as a whole, that is, two thirds of the sentences in which
    it stands, in the rows' `prompt` or in one turn of a conversation, and of the item's options more than half among the
    row's, whatever their labels and order are, written out or in `options`. A row that shows no options has the item by the
    question alone; one that shows others does not, nor does one with the options beside another question. A question with too
    few letters to be evidence needs the options.

    A question that is shorter than an n-gram is looked for with its options as a whole too, in every column. Never counted:
    n-grams with fewer than 8 letters or 5 kinds of them (a word for a part of a date behind a digit has none), those that say one
    part again and again (with a period of at most half their length), those that stand in more than `common` items of one
    benchmark, and what stands in the boilerplate of the profile or of `except`. Of a row is told how many places in it begin what
    is of a benchmark, and of the first one the benchmark, item, pass and place in the text. A benchmark in another language is
    looked for by the profile of that language too. Text that was put into other words or another language is not found, except
    where so many words stayed; docs/decontamination.md has the figures. As a column it is the number of places.

    Where the benchmark `facts` asks "하늘은 왜 파란가요? 이유를 두 가지 쓰세요.":

    Example:
        with: {against: [facts], segmenter: words}
        in:   [{prompt: 물은 왜 끓나}, {prompt: "[문제] 하늘은 왜 파란가요?  이유를 두가지 쓰세요"}]
        out:  [{prompt: 물은 왜 끓나}]
    """

    name: ClassVar[str] = "decontaminate"
    version: ClassVar[int] = 2
    may_read: ClassVar[tuple[str, ...]] = ("ngrams", "fold", "squeezed_length", "answer_labels")
    may_lack: ClassVar[tuple[str, ...]] = ("fold", "squeezed_length", "answer_labels")
    values: ClassVar[tuple[str, ...]] = ("benchmark", "item", "found_in", "column", "first", "last", "places")

    # Other measures look at one column, and this one at several.
    in_: Names | None = field("column", None, alias="in")  # type: ignore[assignment]
    """The columns that are looked through; all text unless said."""
    against: Literal["evaluated"] | Names = field("label", "evaluated")
    """Benchmarks by name; `evaluated`: all that `evaluate` lists, held-in and held-out, and the sets they are parallel to."""
    passes: Annotated[tuple[Pass, ...], Field(min_length=1)] = field("measured", ("segments", "raw", "squeezed", "parts"))
    """Which comparisons are made; the paper's are `[segments, raw]`."""
    ngram: int = field("measured", 13, ge=2, le=100)
    """Segments, or units of the raw text, of an n-gram (paper section 5.3: 13)."""
    squeezed: int | None = field("measured", None, ge=8, le=1000)
    """Characters of an n-gram of the third pass; what the profile of the benchmark's language says unless given, else 24."""
    common: int = field("measured", 10, ge=1)
    """In how many items of one benchmark an n-gram may stand; what is in more is how questions are put, not what they ask."""
    except_: tuple[str, ...] = field("measured", (), alias="except")
    """Texts whose n-grams never count, such as an instruction that stands before every question."""
    language: str = field("label", "target")
    """Whose profile says how text is cut and compared: `target`, `anchor`, or the code of a language."""
    languages: tuple[str, ...] = field("label", ())
    """The language of each benchmark, in their order, by whose profile it is looked for too; what it declares unless said."""
    options: str | None = field("column", None)
    """The column with the rows' options, which tell a short question from others in the same words; `options` unless said."""
    talk: str | None = field("column", None, exclude=True)
    """The conversation that is looked through, whose turns are questions one by one; no recipe names it."""
    segmenter: Library | None = field("measured", None)
    """What cuts the text of `segments`, in the place of what the profile says, such as `python-mecab-ko`."""
    on_hit: Literal["drop", "flag"] = decided("drop")
    """What becomes of a row: dropped, or kept with what was found in the ledger; then nothing is proven of it."""
    min_hits: int = decided(1, ge=1)
    """How many places of a row have to begin an n-gram of a benchmark (paper section 5.3: 1)."""
    unknown: Literal["drop", "keep"] = decided("keep")
    """What becomes of a row that has no text at all in these columns."""
    workers: int = tuning(2, ge=1, le=64)
    """Threads of the segmenter."""

    def roles(self) -> tuple[str, ...]:
        """The languages by whose profiles texts are compared, the rows' own first."""
        return tuple(dict.fromkeys((self.language, *self.languages)))

    def parameters(self, *roles: Role) -> dict[str, Any]:
        # Which benchmark is looked for by which profile decides; what the language of the rows is called does not.
        chosen, others = super().parameters(*roles), ["" if role == self.language else role for role in self.languages]
        return chosen | ({"compared by": others} if "measured" in roles and any(others) else {})

    def entries(self) -> tuple[tuple[str, str], ...]:
        return tuple((role, entry) for role in self.roles() for entry in ("ngrams", *self.may_lack))

    def narrow(self, entry: str, value: Any) -> Any:
        return folded_rules(value) if entry == "fold" else value

    def depends(self) -> tuple[str, ...]:
        return ("unicode", *(SEGMENTERS.get(self.segmenter or "", ()) if "segments" in self.passes else ()))

    def complain(self, scope: Scope) -> Iterator[Complaint]:
        for place, name in enumerate(self.in_ or ()):
            yield from scope.complain_column(name, ("in", place), "text", "list of text")
        if self.options is not None:
            yield from scope.complain_column(self.options, ("options",), "list of text")
        if self.only:
            yield from self.only.complain(scope)

    def obligations(self, label: str) -> Iterator[Obligation]:
        if self.min_hits > 1 and self.on_hit == "drop":
            message = (
                f"`{label}` keeps rows in which fewer than {self.min_hits} places are of a benchmark, and the paper keeps none"
            )
            yield Obligation("overlap", message, ("min_hits",))
        if "parts" not in self.passes:
            message = f"`{label}` looks for n-grams alone: an item whose question is shorter than one passes, where labels differ"
            yield Obligation("overlap", message, ("passes",))

    def looked_through(self) -> tuple[str, ...]:
        """The columns, once they are known."""
        assert self.in_ is not None
        return self.in_

    def named(self) -> tuple[str, ...]:
        """The benchmarks, once they are known."""
        assert not isinstance(self.against, str)
        return self.against

    def reads(self) -> dict[str, str]:
        besides = {role: name for role, name in (("options", self.options), ("talk", self.talk)) if name is not None}
        return {f"in {place}": name for place, name in enumerate(self.looked_through())} | besides

    def looks(self) -> dict[int, str]:
        """The places of the columns that are turns of the conversation -> which turns they are."""
        whole = {} if self.talk is None else {self.talk.removesuffix(BY_TURN): WHOLE}
        names = whole and {**{name: name for name in LOOKS}, **whole}
        return {place: names[name] for place, name in enumerate(self.looked_through()) if name in names}

    def question_place(self) -> int | None:
        """The place of the column with the rows' questions among those that are looked through."""
        return self.looked_through().index(QUESTION) if QUESTION in self.looked_through() else None

    def index(self, items: Sequence[Sequence[Item]], entries: Mapping[str, Any], cut: Callable[..., Any]) -> Index:
        from operators.kernels.overlap.ngrams import Unit
        from operators.kernels.overlap.parts import Parts
        from operators.kernels.overlap.search import Index

        units: list[Unit] = []
        parts: list[Parts] = []
        every = [item for each in items for item in each]
        many = len(self.roles()) > 1
        known = {name: entries[name] for name in ("ngrams", *self.may_lack) if name in entries}
        profiles = [{name: value.get(role) if many else value for name, value in known.items()} for role in self.roles()]
        of = [self.roles().index(role) for role in self.languages] or [0] * len(items)
        boilerplate = (
            *dict.fromkeys(text for profile in profiles for text in profile["ngrams"].get("boilerplate", ())),
            *self.except_,
        )
        dates = tuple(dict.fromkeys(word for profile in profiles for word in profile["ngrams"].get("dates", ())))
        for place, profile in enumerate(profiles):
            mine = frozenset(number for number, own in enumerate(of) if own == place) if place else None
            if mine == frozenset():
                continue
            for number, name in enumerate(self.passes):
                if name == "squeezed":
                    for size in {self.length_for(profiles[own], profile) for own in of}:
                        chosen = frozenset(
                            each
                            for each, own in enumerate(of)
                            if self.length_for(profiles[own], profile) == size and (mine is None or each in mine)
                        )
                        units.append(Unit(False, size, None, folding(profile), number, chosen))
                elif name == "parts":
                    conventions = tuple(map(tuple, profile.get("answer_labels") or ()))
                    unit = Unit(False, 0, None, folding(profile), number, mine)
                    parts.append(Parts(unit, every, conventions, dates, boilerplate, self.common))
                else:
                    units.append(self.unit(name, number, profile, place, mine, cut))
        return Index(units, every, dates, boilerplate, self.common, parts)

    def length_for(self, own: Mapping[str, Any], profile: Mapping[str, Any]) -> int:
        """Characters of an n-gram of letters alone: those of the benchmark's language, else of the language of the rows."""
        return self.squeezed or own.get("squeezed_length") or profile.get("squeezed_length") or SQUEEZED

    def unit(
        self,
        name: str,
        found_in: int,
        profile: Mapping[str, Any],
        place: int,
        mine: frozenset[int] | None,
        cut: Callable[..., Any],
    ) -> Unit:
        """What an n-gram of `segments` or `raw` is made of by one language's profile."""
        from operators.kernels.fold import PLAIN
        from operators.kernels.overlap.ngrams import Unit

        raw = name == "raw"
        library = profile["ngrams"]["raw"] if raw else (self.segmenter if place == 0 else None) or profile["ngrams"]["segments"]
        how = PLAIN if raw else folding(profile)
        if library == "characters":
            return Unit(raw, self.ngram * profile["ngrams"]["size"], None, how, found_in, mine)
        return Unit(raw, self.ngram, partial(cut, library), how, found_in, mine)

    def overlaps(self, columns: Sequence[Texts], options: pa.Array | None, index: Index, talk: pa.Array | None = None) -> Values:
        """The values of each row; -1 where nothing was found, but for `places`."""
        import numpy as np

        made = np.full((len(self.values), columns[0].rows), -1, dtype=np.int64)
        made[-1] = np.where(np.logical_and.reduce([texts.null for texts in columns]), -1, 0)
        found = index.search(columns, self.question_place(), options)
        if talk is not None:
            from operators.kernels.overlap.talks import search_turns

            for place, look in self.looks().items():
                for row, hit in search_turns(index, talk, look, place):
                    before = found.get(row)
                    found[row] = hit if before is None else replace(before, places=before.places + hit.places)
        for row, hit in found.items():
            made[:, row] = (hit.benchmark, hit.item, hit.found_in, hit.column, hit.first, hit.last, hit.places)
        return list(made)

    def condition(self, value: Mapping[str, str]) -> str:
        return f"{value['places']} < {self.min_hits}" if self.on_hit == "drop" else "TRUE"

    def wanted(self) -> str:
        return f"fewer than {self.min_hits} places" if self.min_hits > 1 else "nothing of a benchmark"

    def wording(self, value: Mapping[str, int | None]) -> str:
        if not value["places"]:
            return "nothing" if value["places"] == 0 else "no text"
        at, item, number, column, first, last, places = (value[name] or 0 for name in self.values)
        more = f", and {places - 1} more places" if places > 2 else ", and 1 more place" if places == 2 else ""
        where = f"characters {first} to {last} of {self.looked_through()[column]}"
        return f"{self.named()[at]} {item:015x}: {self.passes[number]}, {where}{more}"

    def quoted(self, value: Mapping[str, int | None]) -> tuple[str, int, int] | None:
        if not value["places"]:
            return None
        return self.looked_through()[value["column"] or 0], value["first"] or 0, value["last"] or 0


def folding(profile: Mapping[str, Any]) -> Folding:
    """What counts as one letter by a profile, where case does not count."""
    return Folding.of(profile.get("fold"))
