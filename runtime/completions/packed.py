"""How a completion lies on disk: its text packed, with a seal that tells when it was changed."""

from __future__ import annotations

import pyarrow as pa
from blake3 import blake3

from operators.asks import Reply

CHECK = 8
CODEC = pa.Codec("zstd", 1)
SHORT = 2048
"""Bytes below which packing costs more than it saves."""

PARTS = "finish_reason, reasoning, size, prompt_tokens, completion_tokens, body, seal"


def seal_of(address: bytes, finish_reason: str, cut: int | None, body: bytes) -> bytes:
    """What tells that a stored completion was changed."""
    return blake3(b"".join([address, finish_reason.encode(), b"" if cut is None else b"%d" % cut, b"/", body])).digest(CHECK)


def packed(address: bytes, reply: Reply) -> tuple[int, int | None, bytes, bytes]:
    """(bytes of its text, those of them that are reasoning, its text packed, its seal)."""
    reasoning = None if reply.reasoning is None else reply.reasoning.encode()
    whole = (reasoning or b"") + reply.text.encode()
    cut = None if reasoning is None else len(reasoning)
    body = whole if len(whole) < SHORT else CODEC.compress(whole, asbytes=True)
    return len(whole), cut, body, seal_of(address, reply.finish_reason, cut, body)


def unpacked(
    address: bytes, finish_reason: str, cut: int | None, size: int, prompt: int | None, made: int | None, body: bytes, seal: bytes
) -> Reply | None:
    """A stored completion, or None where it is not whole."""
    if seal_of(address, finish_reason, cut, body) != seal:
        return None
    try:
        whole = body if size < SHORT else CODEC.decompress(body, size, asbytes=True)
        text, reasoning = whole[cut or 0 :].decode(), None if cut is None else whole[:cut].decode()
    except (OSError, ValueError):  # the size alone was damaged
        return None
    return Reply(text, reasoning, finish_reason, prompt, made)
