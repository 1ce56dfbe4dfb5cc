"""Journals of dear measures on their way between machines: files whose entries tell by themselves whether they are whole."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path

from runtime.store.at_once import AT_ONCE, at_once
from runtime.store.files import Files
from runtime.store.layout import MEMOS
from runtime.store.remote import Remote

#: What journals of measured values and of segments are called.
JOURNAL = re.compile(r"[0-9a-f]{32}(?:-[0-9]{1,3}\.journal|\.cuts)")


def bring_journals(remote: Remote, files: Files, tmp: Path, folder: Path, memos: Path, sound: Callable[[Path], bool]) -> None:
    """Lay down what a folder of a memo lacks of the bucket's; one that is not sound is set aside there."""
    place = f"{MEMOS}/{folder.relative_to(memos).as_posix()}"
    names = [item.path.rpartition("/")[2] for item in remote.bucket.list(place)]
    absent = [name for name in names if JOURNAL.fullmatch(name) and not (folder / name).exists()]

    def bring(name: str) -> None:
        made, data = tmp / f"{uuid.uuid4().hex}-{name}", remote.bucket.get(f"{place}/{name}")
        if data is None:
            return
        files.write_bytes(made, data)
        if sound(made):
            files.rename(made, folder / name)
        else:
            made.unlink()
            remote.set_aside(f"{place}/{name}")

    if absent:
        files.make_folder(folder)
    at_once(AT_ONCE, bring, absent)


def send_journal(remote: Remote, path: Path, memos: Path) -> None:
    remote.bucket.put(f"{MEMOS}/{path.relative_to(memos).as_posix()}", path)
