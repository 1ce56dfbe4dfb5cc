"""The folder of an export: written beside its place and moved there whole; nothing is replaced but an earlier export."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.store.files import hash_path, sync
from runtime.store.project import follow_name
from runtime.store.store import StoreError

MARKER = "recipe_export.json"
"""The file that lists what an export wrote."""

KIND = "data-recipe export"


def check_place(named: str, force: bool, allowed: tuple[str, ...] = ()) -> Path:
    """The folder that is to be written, where that may be done. Raises StoreError, and RecipeError for a link outside."""
    folder = follow_name(named, allowed)
    try:
        if not folder.exists():
            return folder
        if not folder.is_dir():
            raise StoreError(f"`{named}` is a file", "choose another folder with --to")
        if next(folder.iterdir(), None) is None:
            return folder
        listed = read_marker(folder / MARKER)
    except OSError as error:
        raise unwritable(named, error) from None
    if not force:
        hint = "choose another folder with --to" + (", or replace this export with --force" if listed is not None else "")
        raise StoreError(f"`{named}` is not empty", hint)
    if listed is None:
        raise StoreError(f"`{named}` is not empty, and no export of ours: it is not replaced", "choose another folder with --to")
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    foreign = sorted({path.relative_to(folder).as_posix() for path in paths} - listed - {MARKER})
    if foreign:
        more = f" and {len(foreign) - 1:,} more" if len(foreign) > 1 else ""
        message = f"`{named}` holds `{foreign[0]}`{more}, which no export of ours wrote: it is not replaced"
        raise StoreError(message, "move it elsewhere, or choose another folder with --to")
    return folder


def read_marker(marker: Path) -> frozenset[str] | None:
    """The files that an export wrote, or None where the marker is none."""
    try:
        content = json.loads(marker.read_text("utf-8"))
        return frozenset(content["files"]) if content["kind"] == KIND else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_folder(folder: Path, named: str, summary: dict[str, Any], fill: Callable[[Path], None]) -> list[str]:
    """Let `fill` write into a folder that then takes its place, with the marker; the names of the files.

    `summary` is what the marker says besides. Whatever fails, the place holds what it held before. Raises StoreError.
    """
    partial = folder.parent / f".{folder.name[:100]}.{uuid.uuid4().hex}"
    try:
        partial.mkdir(parents=True)
        fill(partial)
        files = {path.relative_to(partial).as_posix(): hash_path(path) for path in sorted(partial.rglob("*")) if path.is_file()}
        marker = json.dumps({"kind": KIND, **summary, "files": files}, indent=1, ensure_ascii=False) + "\n"
        (partial / MARKER).write_text(marker, "utf-8")
        for path in partial.rglob("*"):
            sync(path)
        exchange(partial, folder)
    except OSError as error:
        raise unwritable(named, error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return [*files, MARKER]


def exchange(partial: Path, folder: Path) -> None:
    """Put a finished folder in its place; what was there goes only when it stands."""
    before = partial.with_name(partial.name + ".before")
    replaced = (folder / MARKER).is_file()
    if replaced:
        os.rename(folder, before)
    try:
        os.rename(partial, folder)  # fails where another program has filled the folder meanwhile
    except OSError:
        if replaced:
            os.rename(before, folder)
        raise
    sync(folder.parent)
    if replaced:
        shutil.rmtree(before)


def unwritable(named: str, error: OSError) -> StoreError:
    return StoreError(f"`{named}` cannot be written: {error.strerror or error}", "choose another folder with --to")
