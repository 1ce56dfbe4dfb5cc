"""`recipe freeze`: fix the dataset and every checkpoint, so that held-out benchmarks may be looked at."""

from __future__ import annotations

import os
from dataclasses import replace

import click

from compiler.graph.lock import Pin
from runtime.build.session import Session
from runtime.cli.options import answer, recipe_command


@recipe_command("freeze", stores=True)
@click.option("--thaw", is_flag=True, help="Fix nothing any more; looks at held-out benchmarks stay written down.")
def freeze_command(session: Session, as_json: bool, thaw: bool) -> None:
    """Write the digests of RECIPE's outputs and checkpoints into its lock; held-out benchmarks demand them."""
    from runtime.build.drift import locked_or_fail
    from runtime.cli.lock import write_lock
    from runtime.store.store import StoreError

    if session.settings:
        raise click.UsageError("what is frozen is the recipe as it is written: leave out --set")
    _, lock, recipe = locked_or_fail(session), session.whole_lock, session.read.recipe
    assert lock is not None
    targets = [*(name for name, _ in recipe.outputs), *(training.label for training in recipe.trains.values())]
    whole, store = replace(session, targets=tuple(targets)), session.open_store()
    addresses = whole.addresses(store)
    frozen = {}
    for name, index in () if thaw else whole.graph.outputs.items():
        key, digest = addresses.key(index), addresses.address(index)
        if key is None or digest is None:
            target = f" --target {name}" if name.startswith("train.") else ""
            raise StoreError(
                f"`{name}` is not built as the recipe says it", f"build it first: recipe build {session.named}{target}"
            )
        record = store.find(key)
        assert record is not None
        frozen[name] = Pin(key, digest, record.rows)
    write_lock(session.read.place, replace(lock, frozen=frozen))
    shown = os.path.relpath(session.read.place.lock)
    lines = [f"frozen {recipe.name}/{name}@{pin.digest[:12]} in {shown}" for name, pin in frozen.items()]
    value = {"lock": str(session.read.place.lock), "frozen": {name: pin.digest for name, pin in frozen.items()}}
    answer(as_json, value, [*lines, *["nothing is frozen"] * thaw])
