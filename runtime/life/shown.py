"""One row as a training sees it: its text by the chat template, with what is not trained on dimmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from compiler.graph.stages import TrainStage, of_kind
from operators.base.licence import RESTRICTED
from runtime.build.session import Session
from runtime.completions.engines.configuration import read_configuration
from runtime.completions.weights import find_weights
from runtime.stages.life import place_of, row_of
from runtime.store.store import StoreError
from runtime.tables.table import open_table
from runtime.training.process import Start, TrainingRun
from runtime.training.stage import job_of, texts_of


def explain_row(session: Session, name: str, prefix: str, open_text: bool) -> Iterator[str]:
    """Lines for a person, each with a `+` where it is trained on, else a `-`. Raises StoreError where something is missing."""
    session = replace(session, targets=(name,))
    graph, store = session.graph, session.open_store()
    stage = next(of_kind(TrainStage, graph, [graph.outputs[name]]))
    node, operator = stage.node, stage.operator
    record = store.find(session.addresses(store).key(stage.rows))
    if record is None:
        raise StoreError(f"`{operator.data}` is not built", f"recipe build {session.named} --target {operator.data}")
    table = open_table(store, record.table)
    if (place := place_of(table, prefix)) is None:
        raise StoreError(f"no row of `{operator.data}` begins with `{prefix}`", "row ids are those of `recipe why`")
    if row_of(table, place)["license"] in RESTRICTED and not open_text:
        raise StoreError("the row's text is restricted by its licence", "look at it in a terminal, or with --show-restricted")
    model = session.models[session.read.recipe.base_of(name)]
    weights = find_weights(model, read_configuration())
    if weights is None:
        raise StoreError(f"the weights of `{model.id}` are not here", "say where they lie under `weights:` in your configuration")
    from transformers import AutoTokenizer

    from runtime.training.prepare import open_renderer, rendered
    from runtime.training.rendering import TemplateError, trained_stretches

    run = TrainingRun("", name, Start(weights.unpack(), ""), "")
    job = job_of(operator, node, run)
    row = next(texts_of(operator, node.entries, table, place))
    try:
        tokens = rendered(open_renderer(job), row)
    except TemplateError as error:
        raise StoreError(str(error), error.hint) from None
    tokenizer = AutoTokenizer.from_pretrained(job["model"], trust_remote_code=False, local_files_only=True)
    yield f"row {row['row_id']}: {len(tokens.ids):,} tokens, {sum(tokens.loss):,} of them trained on"
    for text, loss in trained_stretches(tokenizer, tokens):
        yield from (("+ " if loss else "- ") + line for line in text.split("\n"))
