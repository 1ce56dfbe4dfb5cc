"""How much memory a build may take, and into how many parts it lays its tables: no result depends on either."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from runtime.store.trees import PART_COUNTS

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?\s*([KMGT]?)i?B?", re.IGNORECASE | re.ASCII)
#: What the process takes for itself: the interpreter, Arrow, NumPy and DuckDB, before any row is read.
BASE = 180 << 20
SMALLEST = 400 << 20
"""The least that a build is tried with: the process itself takes half of it."""
PART_BYTES = 1 << 27
MOST_PARTS = PART_COUNTS[-1]


def parse_size(text: str) -> int:
    """Bytes of `600MB`, `2GB`, `1.5G`; units are of 1024. Raises ValueError."""
    found = SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"`{text[:80]}` is no size: write it like 600MB or 2GB")
    number, fraction, unit = found.groups()
    return int(float(f"{number}.{fraction or 0}") * UNITS[unit.upper()])


def show_size(size: int) -> str:
    """Bytes for people, in units of 1000 as disks have them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def machine_memory() -> int:
    """The memory that the machine has, or that its cgroup leaves to us."""
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *cgroup_limits()])


def cgroup_limits(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """The memory limits of the cgroups that this process is in and of all above them, as far as they can be read."""
    found = []
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top, inner = root / controllers, Path(group.lstrip("/"))
        if ".." in inner.parts:  # it lies outside of the groups that are seen from here
            inner = Path()
        for folder in (top / inner, *(top / each for each in inner.parents)):
            for name in ("memory.max", "memory.limit_in_bytes"):
                try:
                    text = (folder / name).read_text().strip()
                except OSError:
                    continue
                if text.isdigit():
                    found.append(int(text))
    return found


@dataclass(frozen=True)
class Bound:
    """What a build may take."""

    limit: int | None = None
    """Bytes, of all processes of a build together; half of what there is unless said."""
    parts: int | None = None
    """Into how many parts tables are laid; by their size unless said."""
    tasks: int = 1
    """How many tasks of a build share the memory."""
    processes: int = 1
    """How many processes of a build share it, those that wait for a task too."""

    @cached_property
    def memory(self) -> int:
        """The same, known."""
        return self.limit or max(machine_memory() // 2, SMALLEST)

    @property
    def room(self) -> int:
        """Bytes for rows, in whatever form, of one task."""
        return max(self.memory - self.processes * BASE, min(self.memory, SMALLEST) // 4) // self.tasks

    @property
    def run(self) -> int:
        """Bytes of rows that are gathered in memory, before they are sorted and spilled to disk."""
        return self.room // 5

    @property
    def part(self) -> int:
        """Bytes of a part, about: it is in memory at a time, several times over. It is the same however a build is run."""
        return min(PART_BYTES, replace(self, tasks=1, processes=1).room // 10)

    @property
    def most(self) -> int:
        """Bytes of the largest table whose parts fit."""
        return MOST_PARTS * (self.room // 10)

    def least_for(self, size: int) -> int:
        """The least bound that a table of so many bytes fits into, with as many tasks and processes; in whole hundreds of MB."""
        return self.least_with(10 * -(-size // MOST_PARTS))

    def least_with(self, room: int) -> int:
        """The least bound in which a task has so much room; in whole hundreds of MB."""
        least = self.processes * BASE + self.tasks * room
        return max(SMALLEST + (self.processes - 1) * BASE, -(-least // (100 << 20)) * (100 << 20))

    def within(self, memory: int) -> Bound:
        """The same where there is so much memory: no more than that."""
        return self if self.memory <= memory else replace(self, limit=memory)

    @property
    def database(self) -> int:
        """Bytes that a DuckDB may use before it spills."""
        return self.room // 3

    def parts_for(self, size: int) -> int:
        """Into how many parts a table of so many bytes is laid: a power of two."""
        wanted = -(-size // self.part)
        return self.parts or next((count for count in PART_COUNTS if count >= wanted), PART_COUNTS[-1])
