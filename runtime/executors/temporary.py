"""Ray's own folder, outside the project: it goes with the build, and that of a build that was killed with the next one."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runtime.store.passing import passing_folder

PREFIX = "recipe-ray-"
LONGEST = 30
"""Characters of the folder's path at most: sockets lie deep in it, whose paths the system bounds."""
TOKEN = secrets.token_hex(32)
"""What Ray asks of whoever connects to one that is begun here; one for the process, as Ray reads it once."""


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """While this lasts, a Ray that is begun lets nobody in but who can read its folder: it listens on all interfaces."""
    path = folder / "token"
    path.touch(0o600)
    path.write_text(TOKEN)
    # Where no mode is said, Ray asks for the token, and says so to its processes.
    settings = {"RAY_AUTH_MODE": None, "RAY_AUTH_TOKEN_PATH": str(path), "RAY_AUTH_TOKEN": None}
    before = {name: os.environ.get(name) for name in settings}
    set_environment(settings)
    try:
        yield
    finally:
        set_environment(before)


def set_environment(settings: Mapping[str, str | None]) -> None:
    """Set variables of this process, and take those away that have no value."""
    for name, value in settings.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder, locked for as long as it is used."""
    root = tempfile.gettempdir()
    with passing_folder(PREFIX, root if len(root) + len(PREFIX) + 8 <= LONGEST else "/tmp") as path:
        yield path
