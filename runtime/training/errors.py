"""Errors of a training, as its starter hears of them."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator

GONE = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Socket closed")
FULL = ("No space left on device", "Disk quota exceeded")


class JobError(Exception):
    """A training that cannot go on; `hint` says what to do. Every process of the training raises the same one."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        return self.message


def explain(error: Exception) -> JobError:
    """An error of a library or of the system, in the words of this program; where it came from goes to the error stream."""
    if isinstance(error, JobError):
        return error
    traceback.print_exception(error)
    named = type(error).__name__
    if full(error):
        hint = "make room and run the same again: it goes on from its last state, which is whole"
        return JobError(f"the disk is full: {first_line(error)}", hint)
    if isinstance(error, ImportError):
        return JobError(f"a library is missing: {first_line(error)}", "pip install 'data-recipe[train]'")
    if named == "OutOfMemoryError" or isinstance(error, MemoryError):
        hint = "a smaller `micro_batch_size`, `gradient_checkpointing: true`, or more processes to share the model"
        return JobError(f"the memory is full: {first_line(error)}", hint)
    if any(words in str(error) for words in GONE):
        return JobError("another process of this training ended", "its log has why")
    return JobError(f"{named}: {first_line(error)}", "its log has the whole of it")


def full(error: BaseException) -> bool:
    """Whether a disk without room is behind an error. Libraries that write in another language keep only the words."""
    for each in causes(error):
        if isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if any(words in str(each) for words in FULL):
            return True
    return False


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "")[:300]
