"""Facts: what is known of the leaves without running anything, and the versions of what is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

Origin = Literal["files", "lock", "absent"]


@dataclass(frozen=True)
class Leaf:
    """One source's files."""

    digest: str | None
    """The digest of their bytes, whatever their order and names; None where nothing has read them."""
    fields: frozenset[str] | None
    """The columns of the files."""
    origin: Origin
    files: tuple[tuple[str, str, int], ...] = ()
    """(path as shown, digest, bytes) of each file."""
    classes: Mapping[str, int] = field(default_factory=dict)
    """Licence class -> rows of it, by the lock, where rows say their own."""
    counted: str = ""
    """The key of the rows that the lock counted."""
    forgotten: tuple[str, ...] = ()
    """The ids of its rows that are read no more, sorted."""


def installed_version(name: str) -> str:
    """The version of an installed thing that decides results; raises LookupError where it is not installed."""
    if name == "unicode":
        import unicodedata

        return unicodedata.unidata_version
    if name == "zlib":
        import zlib

        return zlib.ZLIB_RUNTIME_VERSION
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version(name)
    except PackageNotFoundError:
        raise LookupError(name) from None
    # Bug-fix releases of the engines do not change what a condition or an expression means.
    return ".".join(found.split(".")[:2]) if name in ("duckdb", "pyarrow") else found


@dataclass(frozen=True)
class Facts:
    """Everything a check or a plan may know."""

    leaves: Mapping[str, Leaf] = field(default_factory=dict)
    weights: Mapping[str, str | None] = field(default_factory=dict)
    """Model that is trained -> the digest of its weights; None where nobody has them."""
    version: Callable[[str], str] = field(default_factory=lambda: cache(installed_version), compare=False)
