"""`recipe init`: a project of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from compiler.text.project import package_root
from runtime.cli.options import answer, json_option


@click.command("init")
@click.argument("folder", default=".", metavar="[DIR]")
@json_option
def init_command(folder: str, as_json: bool) -> None:
    """Start a project in DIR: a recipe that extends a base, a languages folder and sample rows."""
    from runtime.store.store import StoreError

    starter, target = package_root() / "starter", Path(folder)
    files = sorted(path.relative_to(starter) for path in starter.rglob("*") if path.is_file())
    there = [str(each) for each in files if (target / each).exists()]
    if there:
        raise StoreError(f"`{folder}` already has {', '.join(there)}; nothing was written", "choose another folder")
    for each in files:
        (target / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(starter / each, target / each)
    for schema in ("recipe.schema.json", "profile.schema.json"):
        shutil.copyfile(package_root() / schema, target / schema)
    (target / ".recipe").mkdir(exist_ok=True)
    (target / ".recipe" / ".gitignore").write_text("*\n")
    lines = [*(f"wrote {target / each}" for each in files), "", f"next: recipe build {target / 'recipe.yaml'}"]
    answer(as_json, {"folder": str(target), "files": [str(each) for each in files]}, lines)
