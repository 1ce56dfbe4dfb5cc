"""A small byte-level tokenizer, written by hand, so that its bytes are the same on every machine."""

from __future__ import annotations

import json

from blake3 import blake3


def byte_letters() -> list[str]:
    """The letter that stands for each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = {byte: chr(byte) for byte in shown} | {byte: chr(256 + place) for place, byte in enumerate(hidden)}
    return [letters[byte] for byte in range(256)]


def tokenizer_of(*words: str) -> str:
    """A tokenizer.json in which each byte is a token, and so is each of these words; `<think>` is a special token."""
    letters = byte_letters()
    vocabulary, merges = list(letters), []
    for word in words:
        parts = [letters[byte] for byte in word.encode()]
        for size in range(2, len(parts) + 1):
            merged = ["".join(parts[: size - 1]), parts[size - 1]]
            if "".join(merged) not in vocabulary:
                vocabulary.append("".join(merged))
                merges.append(merged)
    special = {"special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    said = {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": [{"id": len(vocabulary), "content": "<think>", **special}],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: place for place, token in enumerate(vocabulary)},
            "merges": merges,
        },
    }
    return json.dumps(said, ensure_ascii=False) + "\n"


#: One that knows a few words, and one that knows none.
TOKENIZER, BYTES = tokenizer_of("물은", "하늘", "think"), tokenizer_of()
DIGEST = blake3(TOKENIZER.encode()).hexdigest()
