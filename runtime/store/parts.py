"""Files of a store as values: each part is declared with a check, which it passes or the file is not read."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, dataclass_transform

from blake3 import blake3

#: What keys and digests look like, and so what files of the store are called: nothing else is ever looked for.
DIGEST = re.compile(r"[0-9a-f]{64}")
OBJECT = "object:"
"""Stands before the digest of an object wherever a record names one."""

Check = Callable[[Any], bool]
"""Whether a value that was read from JSON is of the form that we write there."""


class Unsound(Exception):
    """What is wrong with a file that is none of ours, in a few words."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Sealed:
    """What a sealed file holds: parts whose types are annotated with a check. None as a default is not written.

    No dataclass: to make one takes longer than to read all records of a build.
    """

    order: ClassVar[str]
    """The parts in the order in which they are written."""
    checks: ClassVar[dict[str, Check]] = {}

    def __init_subclass__(cls) -> None:
        declared = {name: part for name, part in cls.__annotations__.items() if hasattr(part, "__metadata__")}
        cls.checks = cls.checks | {name: part.__metadata__[0] for name, part in declared.items()}

    def __init__(self, **parts: Any) -> None:
        absent = [name for name in self.checks.keys() - parts.keys() if not hasattr(type(self), name)]
        if absent or parts.keys() - self.checks.keys():
            raise TypeError(f"{type(self).__name__} has the parts {', '.join(self.checks)}, and not {', '.join(parts)}")
        self.__dict__.update(parts)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is never changed; `replaced` makes another")

    def replaced(self, **changes: Any) -> Self:
        """The same with other parts."""
        return type(self)(**{**vars(self), **changes})

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """Raises Unsound for what none of ours would hold."""
        for name, check in cls.checks.items():
            if name not in body:
                if getattr(cls, name, name) is not None:
                    raise Unsound(f"it lacks its {name}")
            elif not passes(check, body[name]):
                raise Unsound(f"its {name} is not what we write there")
        if unknown := body.keys() - cls.checks.keys():
            raise Unsound(f"it has a part `{min(unknown)[:80]}`")
        return cls(**body)

    @classmethod
    def unseal(cls, data: bytes) -> Self | None:
        """What a sealed file holds, or None where it is damaged or none of ours."""
        body = unsealed(data)
        try:
            return None if body is None else cls.read(body)
        except Unsound:
            return None

    def body(self) -> dict[str, Any]:
        """Its parts, as they are written."""
        parts = {name: getattr(self, name) for name in self.order.split()}
        return {name: part for name, part in parts.items() if part is not None or getattr(type(self), name, name) is not None}


def passes(check: Check, value: Any) -> bool:
    """Whether a value passes; one that is nested too deep to be checked does not."""
    try:
        return check(value)
    except RecursionError:
        return False


def sealed(body: Mapping[str, Any]) -> bytes:
    """A small file that can tell when it was cut short or changed: its digest stands in its first line."""
    text = json.dumps(body, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return blake3(text).hexdigest().encode() + b"\n" + text


def unsealed(data: bytes) -> dict[str, Any] | None:
    """The content of a sealed file, or None where it is damaged."""
    seal, _, text = data.partition(b"\n")
    if blake3(text).hexdigest().encode() != seal:
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):  # sealed by somebody else's hand
        return None
    return body if isinstance(body, dict) else None


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_map(value: Any) -> bool:
    return isinstance(value, dict)


def is_digest(value: Any) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def is_object(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(OBJECT) and is_digest(value[len(OBJECT) :])


def is_reference(value: Any) -> bool:
    """An object, or one for each of several parts of a table."""
    return is_object(value) or (isinstance(value, list) and 1 < len(value) <= 256 and all(map(is_object, value)))


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def each(check: Check) -> Check:
    """A list of such."""
    return lambda value: isinstance(value, list) and all(map(check, value))


def each_of(check: Check) -> Check:
    """A map to such."""
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def having(**parts: Check) -> Check:
    """A map that has these parts, and maybe more."""
    return lambda value: isinstance(value, dict) and all(name in value and check(value[name]) for name, check in parts.items())
