"""Other rules for the same rows and items: open-r1's, and datatrove's filter in an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path


def whitespace_8(rows: list[str], items: list[list[str]]) -> list[set[str]]:
    """Open-r1's rule: 8-grams of the words of lower-cased text; a shorter text has none."""

    def grams(text: str) -> set[str]:
        words = text.lower().split()
        return {" ".join(words[at : at + 8]) for at in range(len(words) - 7)}

    known = {gram for item in items for text in item for gram in grams(text)}
    return [{"8 words"} if grams(row) & known else set() for row in rows]


def datatrove(python: str, rows: list[str], items: list[list[str]]) -> list[set[str]]:
    """NGramsDecontFilter with its tokenizer for Korean, run by `python`, which has datatrove[multilingual]."""
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder, "asked.json"), Path(folder, "told.json")
        asked.write_text(json.dumps({"rows": rows, "items": items}), "utf-8")
        program = Path(__file__).with_name("datatrove_filter.py")
        subprocess.run([python, str(program), str(asked), str(told)], check=True)
        grams = json.loads(told.read_text("utf-8"))
    return [{"13 words"} if gram is not None else set() for gram in grams]
