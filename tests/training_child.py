"""A training's worker as a child of the warm process, to which a mishap may come: `FOLDER [MISHAP ARGUMENTS]`."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from runtime.training.worker import main

NEW_USER, NEW_MOUNTS = 0x10000000, 0x00020000


def die_at(folder: Path, count: str) -> None:
    """End this process at one of its touches of the disk, as SIGKILL would."""
    real, seen = os.fsync, [0]

    def fsync(handle: Any) -> None:
        if seen[0] == int(count):
            os._exit(137)
        seen[0] += 1
        real(handle)

    os.fsync = fsync


def fill_at(folder: Path, count: str) -> None:
    """From one of its touches on, this process finds the disk full."""
    real, seen = os.fsync, [0]

    def fsync(handle: Any) -> None:
        seen[0] += 1
        if seen[0] > int(count):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    os.fsync = fsync


def on_a_small_disk(folder: Path, size: str) -> None:
    """Let this process alone see the folder on a file system of so many bytes; it ends with 77 where none can be mounted."""
    mapped = {"uid_map": f"0 {os.getuid()} 1", "setgroups": "deny", "gid_map": f"0 {os.getgid()} 1"}
    if ctypes.CDLL(None).unshare(NEW_USER | NEW_MOUNTS):
        os._exit(77)
    for name, said in mapped.items():
        Path("/proc/self", name).write_text(said)
    held = shutil.copytree(folder, folder.with_name("held"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True).returncode:
        os._exit(77)
    shutil.copytree(held, folder, dirs_exist_ok=True)


if __name__ == "__main__":
    job = Path(sys.argv[1])
    if (job / "stdin").exists():
        os.dup2(os.open(job / "stdin", os.O_RDONLY), 0)
    if sys.argv[2:]:
        globals()[sys.argv[2]](job, *sys.argv[3:])
    sys.exit(main(job))
