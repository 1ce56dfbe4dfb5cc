"""The stable form of a value, and its hash."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from blake3 import blake3

from operators.base.declare import Declared


def canonical(value: Any) -> Any:
    """The stable form of a value: JSON data whose types cannot be mistaken; anything else is an error."""
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return {"decimal": format(value.normalize(), "f")}
        case tuple() | list():
            return [canonical(part) for part in value]
        case Declared():
            fields = {name: getattr(value, name) for name in type(value).model_fields} | (value.__pydantic_extra__ or {})
            return {type(value).__name__: canonical({k: v for k, v in fields.items() if v is not None})}
        case dict():
            assert all(isinstance(key, str) for key in value)
            return {key: canonical(part) for key, part in sorted(value.items())}
    raise TypeError(f"a {type(value).__name__} has no stable form, so it cannot be part of a key")


def digest_of(value: Any) -> str:
    """The hash of a value's stable form, 64 hexadecimal digits."""
    text = json.dumps(canonical(value), ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return blake3(text.encode()).hexdigest()
