"""Journals of dear measures on their way between machines: files whose entries tell by themselves whether they are whole."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from runtime.store.at_once import AT_ONCE, at_once
from runtime.store.files import Files
from runtime.store.layout import MEMOS
from runtime.store.remote import Remote

AGAIN = 10.0
"""Seconds between two looks for values that other machines measured."""
#: What journals of measured values and of segments are called.
JOURNAL = re.compile(r"[0-9a-f]{32}(?:-[0-9]{1,3}\.journal|\.cuts)")


class Journals:
    """Those of a bucket, and of the folder before it."""

    def __init__(self, remote: Remote, files: Files) -> None:
        self.remote, self.files = remote, files
        self.asked: dict[Path, float] = {}
        """Folder of a memo -> when the bucket was last asked for more of it."""

    def bring(self, folder: Path, tmp: Path, memos: Path, sound: Callable[[Path], bool]) -> None:
        """Lay down what a folder of a memo lacks of the bucket's, looked for every `AGAIN` seconds at most.

        One that is not sound is set aside there.
        """
        now = time.monotonic()
        if now < self.asked.get(folder, -AGAIN) + AGAIN:
            return
        self.asked[folder] = now
        place = f"{MEMOS}/{folder.relative_to(memos).as_posix()}"
        names = [item.path.rpartition("/")[2] for item in self.remote.bucket.list(place)]
        absent = [name for name in names if JOURNAL.fullmatch(name) and not (folder / name).exists()]

        def bring_one(name: str) -> None:
            made, data = tmp / f"{uuid.uuid4().hex}-{name}", self.remote.bucket.get(f"{place}/{name}")
            if data is None:
                return
            self.files.write_bytes(made, data)
            if sound(made):
                self.files.rename(made, folder / name)
            else:
                made.unlink()
                self.remote.set_aside(f"{place}/{name}")

        if absent:
            self.files.make_folder(folder)
        at_once(AT_ONCE, bring_one, absent)

    def send(self, path: Path, memos: Path) -> None:
        self.remote.bucket.put(f"{MEMOS}/{path.relative_to(memos).as_posix()}", path)
