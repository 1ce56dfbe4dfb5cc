"""What lies where in a store: results in the folder of their format, and beside it, in a format of its own, what was paid for."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from runtime.store.files import Files

FORMAT = "v4"
"""Of results, objects and names; those of another format are not read but made anew. Tables in parts came with the fourth."""
BEFORE = "v3"
"""The format in whose folder completions and dear measures lay at first."""
MEMOS = "memos/v1"
"""Of completions and dear measures. They are not made anew: a version that writes them otherwise moves them first."""
PAID = ("completions", "memo")
DATABASE = "completions.sqlite"
VERSION = re.compile(r"v[0-9]{1,6}")
OLDEST = "`recipe store upgrade` begins anew beside it: its results are made again, and it has no completions"
OLDER = "`recipe store upgrade` begins anew beside it: its results are made again, and no model is asked again"
NEWER = "install a newer version of data-recipe, or choose another store with --store"


def versions(folder: Path) -> list[int]:
    """The formats that a folder has a folder of."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return [int(path.name[1:]) for path in paths if VERSION.fullmatch(path.name)]


class Foreign(NamedTuple):
    """A format that is not read here."""

    message: str
    newer: bool

    @property
    def hint(self) -> str:
        """What to do."""
        return NEWER if self.newer else OLDER if f"format {BEFORE};" in self.message else OLDEST


def foreign(folder: Path) -> Foreign | None:
    """The format for which a store is not read here; None for one that is read, or is yet to be made."""
    results, paid = versions(folder), versions(folder / MEMOS.partition("/")[0])
    own, own_paid = int(FORMAT[1:]), int(MEMOS.partition("/")[2][1:])
    if max(paid, default=own_paid) > own_paid:
        message = f"completions and measured values in `{folder}` are in the format v{max(paid)}; this version reads v{own_paid}"
        return Foreign(message, True)
    if not results or own in results:
        return None
    return Foreign(f"the store `{folder}` is in the format v{max(results)}; this version reads {FORMAT}", max(results) > own)


def begin(folder: Path) -> None:
    """Let a store of an older format be one of this as well, with nothing in it yet."""
    other = foreign(folder)
    if other is not None and not other.newer:
        (folder / FORMAT).mkdir(exist_ok=True)


def link_in(folder: Path) -> Path | None:
    """A folder of a store that is a link: what is made and removed in it would be somebody else's."""
    root, memos, before = folder / FORMAT, folder / MEMOS, folder / BEFORE
    inner = [root / name for name in ("objects", "results", "beside")]
    inner += [place / name for place in (memos, before) for name in PAID]
    own = (each for each in (root, memos.parent, memos, before) if each.is_symlink())
    return next(chain(own, (link for each in (root, memos, before, *inner) if each.is_dir() for link in links_of(each))), None)


def links_of(folder: Path) -> list[Path]:
    """What in a folder is a link: the list of its names says so of each, without a look at it."""
    with os.scandir(folder) as names:
        return [folder / each.name for each in names if each.is_symlink()]


def paid_in(root: Path) -> list[str]:
    """Which of completions and measured values lie in a folder."""
    return [name for name in PAID if (root / name).is_dir() and any((root / name).iterdir())]


def move_memos(files: Files, root: Path, memos: Path) -> None:
    """Move what was paid for out of the folder of a format, where an earlier version laid it.

    Nobody may write to it meanwhile. Killed at any point it has lost nothing, and goes on when it is called again. Raises
    sqlite3.Error for completions that are damaged.
    """
    files.make_folder(memos)
    for name in paid_in(root):
        old, new = root / name, memos / name
        if name not in paid_in(memos):
            files.rename(old, new)
        elif name == "completions":
            if (old / DATABASE).exists():
                from runtime.store.database import merge

                merge(old / DATABASE, new / DATABASE)
            discard(files, old)
        else:
            for path in sorted(old.rglob("*")):
                if path.is_symlink() or not path.is_dir():
                    files.make_folder((new / path.relative_to(old)).parent)
                    files.rename(path, new / path.relative_to(old))  # one of the same name is the same journal
            discard(files, old)


def discard(files: Files, folder: Path) -> None:
    """Remove a folder of another format whose content is elsewhere."""
    gone = folder.parent.parent / FORMAT / "tmp" / uuid.uuid4().hex
    files.rename(folder, gone)
    shutil.rmtree(gone)
