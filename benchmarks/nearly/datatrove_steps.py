"""Datatrove's filters and duplicates over a Parquet file of `id` and `text`, in one process; run by an interpreter that has it.

    pip install 'datatrove[io,processing]' 'kiwipiepy<0.22'
    PYTHON datatrove_steps.py rows.parquet folder {near,exact,all}

`near` is MinHash alone, with its defaults (5-grams of words, 14 buckets of 8) and its words for Korean; `exact` is share,
length and exact duplicates, `all` these and then MinHash. Writes the ids that are kept to folder/kept.json.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.readers import JsonlReader, ParquetReader
from datatrove.pipeline.writers import JsonlWriter

HANGUL = re.compile("[\uac00-\ud7a3\u3131-\u318e\u1100-\u11ff]")
SPACE = re.compile(r"\s+")


def wanted(document: Any) -> bool:
    """The share of Hangul, and the length."""
    text = document.text
    return 10 <= len(text) <= 8192 and len(HANGUL.findall(text)) >= 0.3 * len(SPACE.sub("", text))


def run(folder: Path, name: str, *steps: Any) -> None:
    LocalPipelineExecutor(list(steps), tasks=1, workers=1, logging_dir=str(folder / "logs" / name)).run()


def content(document: Any) -> str:
    return str(document.text)


def main(rows: Path, folder: Path, what: str) -> None:
    read: Any = ParquetReader(str(rows.parent), glob_pattern=rows.name)
    last = "8" if what != "exact" else "4"
    if what != "near":
        exact = ExactDedupConfig(content_getter=content)
        run(folder, "1", read, LambdaFilter(wanted), JsonlWriter(str(folder / "1")))
        run(folder, "2", JsonlReader(str(folder / "1")), ExactDedupSignature(str(folder / "2"), exact))
        run(folder, "3", ExactFindDedups(str(folder / "2"), str(folder / "3"), exact))
        filtered = (ExactDedupFilter(str(folder / "3"), exact), JsonlWriter(str(folder / "4")))
        run(folder, "4", JsonlReader(str(folder / "1")), *filtered)
        read = JsonlReader(str(folder / "4"))
    if what != "exact":
        near = MinhashConfig()
        run(folder, "5", read, MinhashDedupSignature(str(folder / "5"), config=near, language="kor"))
        buckets = MinhashDedupBuckets(str(folder / "5"), str(folder / "6"), config=near)
        LocalPipelineExecutor([buckets], tasks=near.num_buckets, workers=1, logging_dir=str(folder / "logs" / "6")).run()
        run(folder, "7", MinhashDedupCluster(str(folder / "6"), str(folder / "7"), config=near))
        run(folder, "8", read, MinhashDedupFilter(str(folder / "7")), JsonlWriter(str(folder / "8")))
    kept = [document.id for document in JsonlReader(str(folder / last)).run()]
    (folder / "kept.json").write_text(json.dumps(kept))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
