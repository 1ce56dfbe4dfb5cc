"""A process that turns rows of text into token ids and loss masks, by the chat template of the model that is trained."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from runtime.store.files import replacing
from runtime.training.conversing import ConversationRenderer, Learnt
from runtime.training.rendering import Rendered, Renderer, TemplateError

SCHEMA = pa.schema([("row_id", pa.string()), ("input_ids", pa.list_(pa.int32())), ("loss", pa.list_(pa.bool_()))])
ROWS = 1024


def open_renderer(job: dict[str, Any]) -> Renderer | ConversationRenderer:
    """The renderer of a job's model. Raises TemplateError."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(job["model"], trust_remote_code=False, local_files_only=True)
    kind = ConversationRenderer if job["conversations"] else Renderer
    return kind(tokenizer, job["template"], None if job["tags"] is None else tuple(job["tags"]))


def main(folder: Path) -> int:
    """Write `rows.parquet` of `texts.jsonl`; what is wrong is an event."""
    job = json.loads((folder / "job.json").read_text("utf-8"))
    try:
        renderer = open_renderer(job)
        with (
            open(folder / "texts.jsonl", encoding="utf-8") as lines,
            replacing(folder / "rows.parquet") as partial,
            pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer,
        ):
            batch: list[dict[str, Any]] = []
            for line in lines:
                batch.append(render_row(renderer, json.loads(line)))
                if len(batch) == ROWS:
                    writer.write_table(pa.Table.from_pylist(batch, SCHEMA))
                    batch = []
            writer.write_table(pa.Table.from_pylist(batch, SCHEMA))
    except TemplateError as error:
        print(json.dumps({"event": "error", "message": str(error), "hint": error.hint}), flush=True)  # noqa: T201
        return 1
    return 0


def rendered(renderer: Renderer | ConversationRenderer, row: dict[str, Any]) -> Rendered:
    """One row as its tokens and their loss. Raises TemplateError."""
    if isinstance(renderer, ConversationRenderer):
        learnt = Learnt(tuple(row["learnt"]["roles"]), row["learnt"]["last"])
        return renderer.render(row["turns"], row["tools"], learnt)
    return renderer.render([tuple(each) for each in row["messages"]], [tuple(each) for each in row["stretches"]])


def render_row(renderer: Renderer | ConversationRenderer, row: dict[str, Any]) -> dict[str, Any]:
    """One row as its tokens. Raises TemplateError, with the row's id."""
    try:
        tokens = rendered(renderer, row)
    except TemplateError as error:
        raise TemplateError(f"the row {row['row_id'][:12]}: {error}", error.hint) from None
    return {"row_id": row["row_id"], "input_ids": tokens.ids, "loss": tokens.loss}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
