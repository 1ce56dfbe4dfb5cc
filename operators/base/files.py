"""The digest of a file that an operator reads: the digest decides, and where the bytes lie is known besides."""

from __future__ import annotations

from pathlib import Path


class FileDigest(str):
    """The digest of a file's bytes, 64 hexadecimal digits, to all the world a plain text: a key has nothing else of the file."""

    path: Path
    """Where the bytes lie on this machine."""

    def __new__(cls, digest: str, path: Path) -> FileDigest:
        made = super().__new__(cls, digest)
        made.path = path
        return made

    def __reduce__(self) -> tuple[type[FileDigest], tuple[str, Path]]:
        return FileDigest, (str(self), self.path)
