"""A resolved recipe as YAML that people can read and that reads back as the same values."""

from __future__ import annotations

import json
import re

from compiler.document import Node
from compiler.scalars import resolve

WIDTH = 96  # a leaf map longer than this is written as a block

_PLAIN = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`~][^\s,\[\]{}#:]*(?:(?: |:(?=[^\s,\[\]{}#:]))[^\s,\[\]{}#:]+)*")
_ODD = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_LINE = re.compile(r"(?:.*\S)?")


def render_yaml(node: Node) -> str:
    """Write a resolved recipe as YAML."""
    lines = _lines(node) if _is_block(node) else [_flow(node)]
    return "\n".join(lines) + "\n"


def _is_block(node: Node) -> bool:
    if not isinstance(node.value, dict | list) or not node.value:
        return False
    children = node.value if isinstance(node.value, list) else [entry.node for entry in node.value.values()]
    leaf = not any(isinstance(child.value, dict) or _holds_nodes(child) for child in children)
    return not leaf or len(_flow(node)) > WIDTH


def _holds_nodes(node: Node) -> bool:
    return isinstance(node.value, list) and any(isinstance(item.value, dict | list) for item in node.value)


def _lines(node: Node) -> list[str]:
    """The lines of a block, not indented."""
    lines: list[str] = []
    if isinstance(node.value, list):
        for item in node.value:
            inner = _item(item)
            lines += [f"- {inner[0]}", *(f"  {line}" if line else "" for line in inner[1:])]
    elif isinstance(node.value, dict):
        for key, entry in node.value.items():
            # YAML looks for the `:` of a key no further than 1024 characters, unless a `?` announces it.
            written = _key(key)
            lines += [f"? {written}", *_under("", entry.node)] if len(written) > 1000 else _under(written, entry.node)
    return lines


def _item(item: Node) -> list[str]:
    single = isinstance(item.value, dict) and len(item.value) == 1
    if _is_block(item) or single:  # `- length: {...}` is how people write a step
        return _lines(item)
    return _multiline(item) or [_flow(item)]


def _under(key: str, node: Node) -> list[str]:
    if not _is_block(node):
        text = _multiline(node) or [_flow(node)]
        return [f"{key}: {text[0]}".rstrip(), *(f"  {line}" if line else "" for line in text[1:])]
    return [f"{key}:", *(f"  {line}" if line else "" for line in _lines(node))]


def _multiline(node: Node) -> list[str] | None:
    """A text of several plain lines as a literal block."""
    text = node.value
    if not isinstance(text, str) or "\n" not in text or text.endswith("\n\n"):
        return None
    lines = text.removesuffix("\n").split("\n")
    if not lines[0] or lines[0][0] == " " or any(_ODD.search(line) or not _LINE.fullmatch(line) for line in lines):
        return None
    return ["|" if text.endswith("\n") else "|-", *lines]


def _flow(node: Node) -> str:
    if isinstance(node.value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_flow(entry.node)}" for key, entry in node.value.items()) + "}"
    if isinstance(node.value, list):
        return "[" + ", ".join(map(_flow, node.value)) + "]"
    return _scalar(node)


def _scalar(node: Node) -> str:
    if isinstance(node.value, str):
        return _text(node.value)
    if node.text and not node.quoted:
        same = resolve(node.text)
        if type(same) is type(node.value) and same == node.value:
            return node.text  # 2.0e-5 stays 2.0e-5
    return json.dumps(node.value)


def _key(key: str) -> str:
    return key if _is_plain(key) and key != "<<" else _quote(key)


def _text(text: str) -> str:
    return text if _is_plain(text) and _is_text(text) else _quote(text)


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and not _ODD.search(text)


def _is_text(text: str) -> bool:
    try:
        return isinstance(resolve(text), str)
    except ValueError:
        return False


def _quote(text: str) -> str:
    return _ODD.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
