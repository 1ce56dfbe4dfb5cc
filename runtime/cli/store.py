"""`recipe store` and `recipe status`: what is kept, whether it is whole, and whether it is up to date."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from runtime.cli.completions import completions
from runtime.cli.options import open_store, say, say_json, store_folder, store_option


@click.group("store")
def store_command() -> None:
    """List, verify, upgrade and clean the store."""


store_command.add_command(completions)


@store_command.command("ls")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ls(store: str | None, as_json: bool) -> None:
    """The named outputs, and how much the store holds."""
    opened = open_store(store)
    builds = dict(opened.builds())
    sizes = [path.stat().st_size for path in (opened.root / "objects").glob("*/*")]
    if as_json:
        say_json(
            {
                "store": str(opened.folder),
                "objects": len(sizes),
                "bytes": sum(sizes),
                "recipes": {name: build.outputs for name, build in builds.items()},
            }
        )
        return
    for name, build in builds.items():
        for output, said in build.outputs.items():
            say(f"{name}/{output}@{said['digest'][:12]}  {said['rows']:,} rows")
    say(f"{len(sizes):,} objects, {sum(sizes) / 1e6:,.1f} MB, in {os.path.relpath(opened.folder)}")


@store_command.command("verify")
@store_option
@click.option("--mend", is_flag=True, help="Set damaged parts aside, so that a build makes them anew.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_store(store: str | None, mend: bool, as_json: bool) -> None:
    """Read everything and say what is damaged; exit code 1 where something is."""
    from runtime.build.verify import verify

    opened = open_store(store)
    problems = verify(opened, mend)
    if as_json:
        say_json({"ok": not problems, "problems": problems})
    else:
        for problem in problems:
            say(problem)
        say(
            f"clean: {os.path.relpath(opened.folder)}"
            if not problems
            else f"{len(problems)} problems"
            + ("; set aside, build again" if mend else "; `recipe store verify --mend` sets them aside")
        )
    if problems:
        raise click.exceptions.Exit(1)


@store_command.command("gc")
@store_option
@click.option("--dry-run", is_flag=True, help="Say what would go.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def gc(store: str | None, dry_run: bool, as_json: bool) -> None:
    """Remove what no last build of any recipe needs; memos stay."""
    from runtime.store.gc import collect

    done = collect(open_store(store), dry_run)
    if as_json:
        say_json(vars(done))
    else:
        say(
            f"{'would remove' if dry_run else 'removed'} {done.records:,} records and {done.objects:,} objects,"
            f" {done.bytes / 1e6:,.1f} MB"
        )


@store_command.command("upgrade")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def upgrade(store: str | None, as_json: bool) -> None:
    """Move what was paid for to where this version keeps it; no model is asked. A build does so by itself."""
    from runtime.store.layout import begin, paid_in

    begin(store_folder(store))
    opened = open_store(store)
    moved = paid_in(opened.root)
    opened.prepare()
    shown = os.path.relpath(opened.folder)
    if as_json:
        say_json({"moved": moved})
    else:
        named = " and ".join({"memo": "measured values"}.get(each, each) for each in moved)
        say(f"moved {named}, in {shown}" if moved else f"nothing to move: {shown} is as this version lays it out")


@store_command.command("push")
@click.argument("folder", metavar="DIR")
@click.option("--measures", is_flag=True, help="Records, ids, ranks and measured values: no text of any row.")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def push_store(folder: str, measures: bool, store: str | None, as_json: bool) -> None:
    """Copy to DIR what `check`, `plan` and `diff` need of every built recipe where its data is not."""
    from runtime.export.push import push
    from runtime.store.project import follow_name

    if not measures:
        raise click.UsageError("say --measures: text is not pushed")
    tell_moved("pushed", push(open_store(store), follow_name(folder)), as_json)


@store_command.command("pull")
@click.argument("folder", metavar="DIR")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def pull_store(folder: str, store: str | None, as_json: bool) -> None:
    """Copy from DIR what was pushed there; every file is checked against its name."""
    from runtime.export.pull import pull

    tell_moved("pulled", pull(open_store(store, make=True), Path(folder)), as_json)


def tell_moved(verb: str, moved: Any, as_json: bool) -> None:
    if as_json:
        say_json(vars(moved))
    else:
        left = f"; {moved.left_out:,} with text stay where they are" if moved.left_out else ""
        say(f"{verb} {moved.records:,} records and {moved.objects:,} objects, {moved.bytes / 1e6:,.1f} MB{left}")


@store_command.command("path")
@click.argument("name")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def path_of(name: str, store: str | None, as_json: bool) -> None:
    """The folder of a named output: RECIPE/OUTPUT, or RECIPE where it has one."""
    from runtime.store.store import StoreError

    opened = open_store(store)
    builds = dict(opened.builds())
    known = {f"{recipe}/{output}": (recipe, output) for recipe, build in builds.items() for output in build.outputs}
    known |= {recipe: (recipe, next(iter(build.outputs))) for recipe, build in builds.items() if len(build.outputs) == 1}
    wanted, _, digest = name.partition("@")
    if wanted not in known:
        raise StoreError(
            f"nothing is called `{wanted}` here", "there is: " + ", ".join(sorted(known)) if known else "build a recipe first"
        )
    recipe, output = known[wanted]
    said = builds[recipe].outputs[output]
    if not said["digest"].startswith(digest):
        raise StoreError(f"`{wanted}` is {said['digest'][:12]} now, not {digest}", "build the recipe that made it")
    folder = opened.root / "names" / recipe / "outputs" / output
    if as_json:
        say_json({"path": str(folder), **said})
    else:
        say(str(folder))


@click.command("status")
@store_option
@click.option("--allow-path", "allow", multiple=True, metavar="DIR", help="A folder outside the project that recipes may read.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status_command(store: str | None, allow: tuple[str, ...], as_json: bool) -> None:
    """Each recipe of the project: built and up to date, what would run, or what is wrong."""
    from compiler.text.project import project_around
    from runtime.store.project import recipes_under

    here = Path.cwd().resolve()
    folders = (Path(each) for each in allow)
    lines = [state_of(path, store, allow) for path in recipes_under(project_around(here) or here, folders)]
    if as_json:
        say_json(lines)
        return
    if not lines:
        say("no recipe in this project; start one with `recipe init`")
    for line in lines:
        say(f"{line['recipe']:<40}  {line['state']}")


def built_state(session: Any, digests: dict[int, str | None]) -> str:
    """What `status` says of a recipe with nothing left to run: whether it is also published, and as locked."""
    from runtime.store.store import Store

    name = session.read.recipe.name
    last = Store(session.store_path).last_build(name).outputs
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
    from compiler.text.diagnostics import RecipeError
    from runtime.build.session import Session
    from runtime.cli.plan import plan_of

    shown = os.path.relpath(path)
    try:
        session = Session(shown, allow=allow, store_folder=store)
        stages = plan_of(session)
    except RecipeError as error:
        return {"recipe": shown, "state": f"wrong: {len(error.diagnostics)} mistakes; recipe check {shown}"}
    running = [each for each in stages if each.state != "reuse"]
    if not running:
        return {"recipe": shown, "state": built_state(session, {each.stage.index: each.digest for each in stages})}
    return {"recipe": shown, "state": f"{len(running)} of {len(stages)} stages to run"}
