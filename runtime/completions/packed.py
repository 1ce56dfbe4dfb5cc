"""How a completion lies on disk: its text packed, with a seal by which a change is found."""

from __future__ import annotations

import pyarrow as pa
from blake3 import blake3

from operators.asks.asks import Reply

CHECK = 8
CODEC = pa.Codec("zstd", 1)
SHORT = 2048
"""Bytes below which packing costs more than it saves."""

PARTS = "finish_reason, reasoning, size, prompt_tokens, completion_tokens, body, seal"


def seal_of(address: bytes, fields: str, body: bytes) -> bytes:
    """A digest of a stored completion and of its fields, by which a change is found."""
    return blake3(fields.encode().join((address, body))).digest(CHECK)


def pack_reply(address: bytes, reply: Reply) -> tuple[int, int | None, bytes, bytes]:
    """(bytes of its text, those of them that are reasoning, its text packed, its seal)."""
    reasoning = None if reply.reasoning is None else reply.reasoning.encode()
    whole = (reasoning or b"") + reply.text.encode()
    cut = None if reasoning is None else len(reasoning)
    body = whole if len(whole) < SHORT else CODEC.compress(whole, asbytes=True)
    fields = f"{reply.finish_reason}({cut}, {len(whole)}, {reply.prompt_tokens}, {reply.completion_tokens})"
    return len(whole), cut, body, seal_of(address, fields, body)


def unpack_reply(
    address: bytes, finish: str, cut: int | None, size: int, prompt: int | None, output: int | None, body: bytes, seal: bytes
) -> Reply | None:
    """A stored completion, or None where it is not whole."""
    fields = f"{finish}({cut}, {size}, {prompt}, {output})"
    if not isinstance(address, bytes) or not isinstance(body, bytes):  # a damaged file may say that a cell is of another type
        return None
    if seal_of(address, fields, body) != seal:
        return None
    whole = body if size < SHORT else CODEC.decompress(body, size, asbytes=True)
    if cut is None:
        return Reply(whole.decode(), None, finish, prompt, output)
    return Reply(whole[cut:].decode(), whole[:cut].decode(), finish, prompt, output)
