"""`recipe store` and `recipe status`: what is kept, whether it is whole, and whether it is up to date."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from compiler.text.diagnostics import RecipeError
from compiler.text.project import project_around
from runtime.build.session import Session
from runtime.cli.completions import completions
from runtime.cli.options import answer, json_option, open_store, store_location, store_option
from runtime.store.location import is_url
from runtime.store.project import follow_name, recipes_under


def remote_option(command: Any) -> Any:
    """--remote."""
    return click.option("--remote", is_flag=True, help="Of a shared store, what is in its bucket; else its cache here.")(command)


def open_shared(named: str | None, make: bool = False) -> Any:
    """A shared store. Raises UsageError for a folder."""
    if store_location(named).url is None:
        raise click.UsageError("this is of a shared store: name one with --store, like s3://bucket/prefix")
    return open_store(named, make)


def open_folder(named: str | None, make: bool = False) -> Any:
    """A store in a folder. Raises UsageError for a URL."""
    if store_location(named).url is not None:
        raise click.UsageError("this goes between a folder and a URL: name the folder with --store")
    return open_store(named, make)


def shown_place(store: Any, remote: bool = True) -> str:
    """Where a store is, for people."""
    url: str | None = store.location.url if remote else None
    return url if url is not None else os.path.relpath(store.folder)


@click.group("store")
def store_command() -> None:
    """List, verify, upgrade and clean the store."""


store_command.add_command(completions)


@store_command.command("ls")
@store_option
@json_option
def ls(store: str | None, as_json: bool) -> None:
    """The named outputs, and how much the store holds."""
    from runtime.store.names import output_name

    opened = open_store(store)
    recipes = {name: build.outputs for name, build in opened.builds()}
    sizes = list(opened.object_sizes())
    lines = [
        f"{output_name(name, output)}@{named['digest'][:12]}  {named['rows']:,} rows"
        for name, outputs in recipes.items()
        for output, named in outputs.items()
    ]
    lines.append(f"{len(sizes):,} objects, {sum(sizes) / 1e6:,.1f} MB, in {shown_place(opened)}")
    value = {"store": opened.location.url or str(opened.folder), "objects": len(sizes), "bytes": sum(sizes), "recipes": recipes}
    answer(as_json, value, lines)


@store_command.command("verify")
@store_option
@click.option("--mend", is_flag=True, help="Set damaged parts aside, so that a build makes them anew.")
@remote_option
@json_option
def verify_store(store: str | None, mend: bool, remote: bool, as_json: bool) -> None:
    """Read everything and say what is damaged; exit code 1 where something is."""
    opened = open_shared(store) if remote else open_store(store)
    if remote:
        from runtime.build.verify_remote import verify_remote

        problems = verify_remote(opened, mend)
    else:
        from runtime.build.verify import verify

        problems = verify(opened, mend)
    again = f"recipe store verify{' --remote' * remote} --mend"
    advice = "set aside, build again" if mend else f"`{again}` sets them aside"
    last = f"{len(problems)} problems; {advice}" if problems else f"clean: {shown_place(opened, remote)}"
    answer(as_json, {"ok": not problems, "problems": problems}, [*problems, last])
    if problems:
        raise click.exceptions.Exit(1)


@store_command.command("gc")
@store_option
@click.option("--dry-run", is_flag=True, help="Say what would go.")
@remote_option
@click.option(
    "--grace", type=click.FloatRange(min=0), metavar="HOURS", help="How old that has to be in a bucket; 24 unless said."
)
@json_option
def gc(store: str | None, dry_run: bool, remote: bool, grace: float | None, as_json: bool) -> None:
    """Remove what no last build of any recipe needs; memos stay."""
    if grace is not None and not remote:
        raise click.UsageError("--grace is of a shared store: say --remote")
    if remote:
        from datetime import timedelta

        from runtime.completions.joining import join_segments
        from runtime.completions.leases import forget_dead
        from runtime.store.remote import GRACE
        from runtime.store.remote_gc import collect_remote
        from runtime.tables.joining import join_remote

        opened, age = open_shared(store), GRACE if grace is None else timedelta(hours=grace)
        gone = collect_remote(opened, dry_run, age)
        if not dry_run:
            forget_dead(opened.remote)
            join_segments(opened.remote, age)
            join_remote(opened.remote, age)
    else:
        from runtime.store.gc import collect

        opened = open_store(store)
        gone = collect(opened, dry_run)
        if not dry_run and opened.location.url is None:  # a cache has what its bucket has
            from runtime.tables.joining import join_here

            join_here(opened)
    what = f"{gone.records:,} records and {gone.objects:,} objects, {gone.bytes / 1e6:,.1f} MB"
    answer(as_json, vars(gone), [f"{'would remove' if dry_run else 'removed'} {what}"])


@store_command.command("upgrade")
@store_option
@json_option
def upgrade(store: str | None, as_json: bool) -> None:
    """Move what was paid for to where this version keeps it; no model is asked. A build does so by itself."""
    from runtime.store.layout import BEFORE, begin, paid_in

    begin(store_location(store).folder)
    opened = open_store(store)
    moved = paid_in(opened.folder / BEFORE)
    opened.prepare()
    shown = os.path.relpath(opened.folder)
    named = " and ".join({"memo": "measured values"}.get(each, each) for each in moved)
    line = f"moved {named}, in {shown}" if moved else f"nothing to move: {shown} is as this version lays it out"
    answer(as_json, {"moved": moved}, [line])


@store_command.command("push")
@click.argument("folder", metavar="DIR|URL")
@click.option("--measures", is_flag=True, help="Records, ids, ranks and measured values: no text of any row.")
@click.option("--show-restricted", is_flag=True, help="To a URL: text of licence B and unknown too, and completions.")
@store_option
@json_option
def push_store(folder: str, measures: bool, show_restricted: bool, store: str | None, as_json: bool) -> None:
    """Copy to DIR what `check`, `plan` and `diff` need of every built recipe where its data is not; to a URL, all of it."""
    if is_url(folder):
        from runtime.export.between import push_shared

        if measures:
            raise click.UsageError("--measures goes to a folder; a shared store has records whole")
        answer_moved("pushed", push_shared(open_folder(store), open_shared(folder, make=True), show_restricted), as_json)
        return
    from runtime.export.push import push

    if not measures:
        raise click.UsageError("say --measures: text is not pushed to a folder")
    answer_moved("pushed", push(open_store(store), follow_name(folder)), as_json)


@store_command.command("pull")
@click.argument("folder", metavar="DIR|URL")
@store_option
@json_option
def pull_store(folder: str, store: str | None, as_json: bool) -> None:
    """Copy what was pushed to DIR, or is in the shared store at a URL; every file is checked against its name."""
    if is_url(folder):
        from runtime.export.between import pull_shared

        answer_moved("pulled", pull_shared(open_folder(store, make=True), open_shared(folder)), as_json)
        return
    from runtime.export.pull import pull

    answer_moved("pulled", pull(open_store(store, make=True), Path(folder)), as_json)


def answer_moved(verb: str, moved: Any, as_json: bool) -> None:
    left = f"; {moved.left_out:,} with text stay where they are" if moved.left_out else ""
    left += f"; of {moved.newer:,} recipes the last build there was made elsewhere, and stays" if moved.newer else ""
    line = f"{verb} {moved.records:,} records and {moved.objects:,} objects, {moved.bytes / 1e6:,.1f} MB{left}"
    answer(as_json, vars(moved), [line])


@store_command.command("path")
@click.argument("name")
@store_option
@json_option
def path_of(name: str, store: str | None, as_json: bool) -> None:
    """The folder of a named output: RECIPE/OUTPUT, or RECIPE where it has one."""
    from runtime.store.names import output_name
    from runtime.store.store import StoreError

    opened = open_store(store)
    builds = dict(opened.builds())
    outputs = {output_name(recipe, output): (recipe, output) for recipe, build in builds.items() for output in build.outputs}
    outputs |= {recipe: (recipe, next(iter(build.outputs))) for recipe, build in builds.items() if len(build.outputs) == 1}
    wanted, _, digest = name.partition("@")
    if wanted not in outputs:
        raise StoreError(
            f"nothing is called `{wanted}` here", "there is: " + ", ".join(sorted(outputs)) if outputs else "build a recipe first"
        )
    recipe, output = outputs[wanted]
    named = builds[recipe].outputs[output]
    if not named["digest"].startswith(digest):
        raise StoreError(f"`{wanted}` is {named['digest'][:12]} now, not {digest}", "build the recipe that made it")
    folder = opened.root / "names" / recipe / "outputs" / output
    if opened.location.url is not None and not folder.is_dir():
        raise StoreError(f"`{wanted}` is not shown on this machine yet", "build its recipe here: nothing is made again")
    answer(as_json, {"path": str(folder), **named}, [str(folder)])


@click.command("status")
@store_option
@click.option("--allow-path", "allow", multiple=True, metavar="DIR", help="A folder outside the project that recipes may read.")
@json_option
def status_command(store: str | None, allow: tuple[str, ...], as_json: bool) -> None:
    """Each recipe of the project: built and up to date, what would run, or what is wrong."""
    here = Path.cwd().resolve()
    folders = (Path(each) for each in allow)
    states = [state_of(path, store, allow) for path in recipes_under(project_around(here) or here, folders)]
    lines = [f"{each['recipe']:<40}  {each['state']}" for each in states]
    answer(as_json, states, lines or ["no recipe in this project; start one with `recipe new --language CODE`"])


def built_state(session: Any, digests: dict[int, str | None]) -> str:
    """What `status` says of a recipe with nothing left to run: whether it is also published, and as locked."""
    name = session.read.recipe.name
    last = session.open_store().last_build(name).outputs
    pins = session.lock.outputs if session.lock else {}
    outputs = {output: digests[index] for output, index in session.graph.outputs.items()}
    if any(output not in last or last[output]["digest"] != digest for output, digest in outputs.items()):
        return f"built, not published; recipe build {session.named}"
    shown = f"{name}@{(list(outputs.values())[-1] or '')[:12]}"
    if any(output in pins and pins[output].digest != digest for output, digest in outputs.items()):
        return f"up to date: {shown}, differs from {session.read.place.lock.name}"
    return f"up to date: {shown}"


def state_of(path: Path, store: str | None, allow: tuple[str, ...]) -> dict[str, Any]:
    """What `status` says of one recipe."""
    from runtime.cli.plan import plan_of

    shown = os.path.relpath(path)
    try:
        session = Session(shown, allow=allow, store_folder=store)
        stages = plan_of(session)
    except RecipeError as error:
        count = len(error.diagnostics)
        return {"recipe": shown, "state": f"wrong: {count} mistake{'s' * (count != 1)}; recipe check {shown}"}
    running = [each for each in stages if each.state != "reuse"]
    if not running:
        return {"recipe": shown, "state": built_state(session, {each.stage.index: each.digest for each in stages})}
    return {"recipe": shown, "state": f"{len(running)} of {len(stages)} stages to run"}
