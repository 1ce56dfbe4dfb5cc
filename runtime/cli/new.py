"""`recipe new`: a project for a language."""

from __future__ import annotations

from pathlib import Path

import click

from compiler.text.project import package_root
from runtime.cli.options import answer, json_option


@click.command("new")
@click.argument("folder", default=".", metavar="[DIR]")
@click.option("--language", required=True, metavar="CODE", help="Its code of ISO 639; `sr-Latn` names a script.")
@click.option("--anchor", default="en", show_default=True, metavar="CODE", help="The language that its traces reason in.")
@json_option
def new_command(folder: str, language: str, anchor: str, as_json: bool) -> None:
    """Start a project for a language in DIR: a recipe, the draft of a language profile, and a text to try them on."""
    from compiler.language.known import Unknown, know
    from compiler.language.starter import starting_files
    from runtime.store.store import StoreError

    target = Path(folder)
    shipped = {path.stem for path in (package_root() / "languages").glob("*.yaml")}
    if anchor not in shipped:
        raise click.UsageError(f"an anchor needs a profile that is shipped: {', '.join(sorted(shipped))}")
    try:
        known = know(language)
    except Unknown as error:
        raise StoreError(str(error), error.hint) from None
    files = starting_files(known, anchor, known.code in shipped)
    if there := [name for name in files if not name.startswith(".") and (target / name).exists()]:
        raise StoreError(f"`{folder}` already has {', '.join(there)}; nothing was written", "choose another folder")
    for name, text in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, "utf-8")
    lines = [f"wrote {target / name}" for name in files if not name.startswith(".")]
    if known.code in shipped:
        lines.append(f"its profile is shipped: pkg:languages/{known.code}.yaml; one under languages/ comes first")
    if not known.sample:
        lines.append(f"no text in {known.name} is known: put rows into {target / 'data/sample.jsonl'}")
    lines += ["", f"next: recipe build {target / 'recipe.yaml'}"]
    answer(as_json, {"folder": folder, "language": known.code, "files": list(files)}, lines)
