"""What datatrove's NGramsDecontFilter says of rows: run by an interpreter that has it, with a file to read and one to write.

    pip install 'datatrove[multilingual,io,processing]==0.10.1' 'kiwipiepy<0.22'
    PYTHON datatrove_filter.py asked.json told.json

Reads {"rows": [text], "items": [[text]]}; writes for each row the n-gram that it is dropped for, or null.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter, NGramsDecontIndexer

LANGUAGE = "kor"
CONFIG = NGramsDecontConfig(n_grams=13)


def main(asked: Path, told: Path) -> None:
    said = json.loads(asked.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        kept = NGramsDecontFilter(folder, config=CONFIG, language=LANGUAGE)
        # The indexer itself asks for lighteval; the filter has all that its hashes are made with.
        hashes = {made for item in said["items"] for text in item for made in NGramsDecontIndexer.compute_hashes(kept, text)}
        np.array(list(hashes), dtype=CONFIG.hash_config.np_descr).tofile(Path(folder, "items.index.hashes"))
        grams = []
        for number, text in enumerate(said["rows"]):
            row = Document(text=text, id=str(number))
            kept.filter(row)
            grams.append(row.metadata.get("contaminated_ngram"))
    told.write_text(json.dumps(grams), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
