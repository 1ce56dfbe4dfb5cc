"""The spine's filters and exact deduplication by datatrove's local executor: run by an interpreter that has it.

    pip install 'datatrove[io,processing]==0.10.1'
    PYTHON datatrove_exact.py FOLDER WORKERS

Reads FOLDER/rows, where there is a file for each worker, and writes FOLDER/kept; says how many rows that are.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig, ExactDedupFilter, ExactDedupSignature, ExactFindDedups
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter

HANGUL = re.compile("[가-힣\u3131-\u318e\u1100-\u11ff]")
SPACE = re.compile(r"\s+")


def wanted(document: Any) -> bool:
    """At least 30 % of what is no white space is Hangul, and there are 10 to 8,192 characters."""
    text = document.text
    return 10 <= len(text) <= 8192 and 10 * len(HANGUL.findall(text)) >= 3 * len(SPACE.sub("", text))


def text_of(document: Any) -> str:
    """What two documents are equal in."""
    return str(document.text)


def main(folder: Path, workers: int) -> None:
    """Filter and write, find what is there twice, and leave it out."""
    config = ExactDedupConfig(content_getter=text_of)
    filtered, kept, signatures, duplicates = (str(folder / name) for name in ("filtered", "kept", "signatures", "duplicates"))
    reading = ParquetReader(str(folder / "rows"), text_key="review", id_key="review_id")
    first = [reading, LambdaFilter(wanted), ParquetWriter(filtered), ExactDedupSignature(signatures, config, workers)]
    second = [ExactFindDedups(signatures, duplicates, config)]
    third = [ParquetReader(filtered), ExactDedupFilter(duplicates, config), ParquetWriter(kept)]
    for number, pipeline in enumerate((first, second, third)):
        LocalPipelineExecutor(pipeline, tasks=workers, workers=workers, logging_dir=str(folder / f"logs-{number}")).run()
    print(sum(pq.ParquetFile(path).metadata.num_rows for path in Path(kept).glob("*.parquet")))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
