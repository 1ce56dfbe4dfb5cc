"""The entry point: the list of commands, and the messages of each kind of failure."""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import click

from runtime.cli.interrupts import STOPPED, hear_interrupts

#: Command -> (the file that holds it, its line of help). A command's file is imported only when it is called.
COMMANDS = {
    "new": ("new", "Start a project for a language: a recipe, a draft of its profile, a text to try them on."),
    "check": ("check", "Say every mistake of a recipe, or the columns of its outputs."),
    "sources": ("sources", "Show a mapped row of each source, or propose a mapping for a file."),
    "triage": ("triage", "Measure each site, and say which its limits keep."),
    "plan": ("plan", "Say what a build would run and reuse, and why."),
    "diff": ("diff", "Say what an edit means, rebuilds and moves, before it is built."),
    "explain": ("plan", "Print the SQL or kernel of each stage."),
    "build": ("build", "Build the named outputs of a recipe."),
    "fetch": ("fetch", "Get the files of sources that lie on other machines."),
    "crawl": ("crawl", "Get the pages of sites, politely."),
    "benchmarks": ("benchmarks", "List the benchmarks of a recipe, and get those that are not here."),
    "why": ("why", "Tell a row's whole life."),
    "forget": ("forget", "Take a row or a text out of a recipe and its store, and prove that it is gone."),
    "show": ("show", "Print the recipe, its graph, or the rows near a decision."),
    "lock": ("lock", "Build, and write down what was built."),
    "freeze": ("freeze", "Fix the dataset and the checkpoints, so that held-out benchmarks may be looked at."),
    "verify": ("verify", "Make everything again, elsewhere, and compare."),
    "report": ("report", "Write what became of the rows, what was paid and scored, as a page to look at."),
    "export": ("export", "Write a dataset or a checkpoint for others, with a card."),
    "operators": ("operators", "What a recipe may say."),
    "store": ("store", "List, verify, upgrade and clean the store."),
    "status": ("store", "Which outputs are built and up to date."),
}


class Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_once(f"runtime.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def import_once(name: str) -> Any:
    """A module by its name. No garbage is collected meanwhile, nor later among what the import made."""
    if name not in sys.modules:
        # A plugin of another package would decide what a recipe means; looking for some reads the metadata of all packages.
        os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
        gc.disable()
        try:
            importlib.import_module(name)
        finally:
            exempt_from_collection()
            gc.enable()
    return sys.modules[name]


class WithoutPandas:
    """Says that pandas is not here. Arrow asks it whether a list is a series, and so loads it wherever it is installed."""

    @staticmethod
    def find_spec(name: str, path: object, target: object = None) -> None:
        """Refuse what takes half a second of a command that has no use for it; transformers looks for it by itself."""
        if name == "pandas" and "transformers" not in sys.modules:
            raise ModuleNotFoundError("no command reads or gives anything of pandas", name=name)


def exempt_from_collection() -> None:
    """Collect no garbage among what exists now. Not with DuckDB: it complains of its objects that are there at the end."""
    if "duckdb" not in sys.modules:
        gc.freeze()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="data-recipe", prog_name="recipe")
def cli() -> None:
    """Build reasoning datasets from declarative recipes."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command; exits 2 for a wrong recipe or call, 1 for a failed run, 130 when interrupted."""
    if arguments is None:
        arguments = sys.argv[1:]
        atexit.register(exempt_from_collection)
        sys.meta_path.insert(0, WithoutPandas)
        hear_interrupts()
    for stream in (sys.stdout, sys.stderr):
        # A terminal without UTF-8 shows escapes; it never gets a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(args=arguments, prog_name="recipe", standalone_mode=False)
        if isinstance(code, int) and code:
            sys.exit(code)  # click gives back the code of a command that ended early
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (click.Abort, KeyboardInterrupt):
        stop()
    except click.ClickException as error:
        say_usage(error, arguments)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except SystemExit as done:
        sys.exit(report(done, arguments) if fault_of_plugin(done) is not None else done.code)
    except Exception as error:  # noqa: BLE001 - sorted below; what is not known is raised again
        sys.exit(report(error, arguments))


def stop() -> NoReturn:
    """Say that a build can be resumed."""
    STOPPED.set()
    click.echo("\nstopped; what is finished is in the store, run the same command again to go on", err=True)
    sys.exit(130)


def say_usage(error: click.ClickException, arguments: list[str]) -> None:
    """Print how a command is called, with what was typed made visible: it may be a file's name."""
    context = getattr(error, "ctx", None)
    if "--json" in arguments:
        say_failure(error.format_message(), f"{context.command_path if context else 'recipe'} --help tells how it is called")
        return
    from compiler.text.diagnostics import visible

    click.UsageError(visible(error.format_message()), context).show()


def say_failure(message: str, hint: str | None) -> None:
    """A failure for a program that reads it."""
    from runtime.cli.options import say_json

    say_json({"error": message, "hint": hint})


def report(error: Exception | SystemExit, arguments: list[str]) -> int:
    """Tell a person of a failure and return the exit code; raises again what nobody expected."""
    from compiler.text.diagnostics import RecipeError, printed

    if isinstance(error, RuntimeError) and "interrupted" in str(error).lower():
        stop()  # DuckDB's way to tell of Ctrl-C in a query
    if isinstance(error, RecipeError):
        say_diagnostics(error, arguments)
        return 2
    failure = failure_of(error)
    if failure is None:
        raise error
    (message, *more), hint = failure
    if "--json" in arguments:
        say_failure("\n".join([message, *more]), hint)
    else:
        for line in (f"error: {message}", *more, *([f"hint: {hint}"] if hint else ())):
            click.echo(printed(line), err=True)
    return 1


def say_diagnostics(error: Any, arguments: list[str]) -> None:
    """The mistakes of a recipe, in the form that was asked for."""
    from compiler.text.diagnostics import as_github, as_json, render

    if "--json" in arguments:
        from runtime.cli.options import say_json

        say_json({"ok": False, "diagnostics": as_json(error.diagnostics)})
    elif "--github" in arguments or has_option(arguments, "--format", "github"):
        click.echo(as_github(error.diagnostics, Path.cwd()))
    else:
        click.echo(render(error.diagnostics, color=sys.stderr.isatty()), err=True)


def has_option(arguments: list[str], option: str, value: str) -> bool:
    """Whether the command line gives an option this value."""
    return f"{option}={value}" in arguments or any(pair == (option, value) for pair in pairwise(arguments))


def fault_of_plugin(error: BaseException) -> tuple[str, str] | None:
    """(what failed, a hint) of what the code of a package raised, which is nobody's mistake here; else None."""
    return sys.modules["operators.plugins"].at_fault(error) if "operators.plugins" in sys.modules else None


def failure_of(error: Exception | SystemExit) -> tuple[list[str], str | None] | None:
    """(what happened, in lines; what to do) for a failure of a run, or None for one that nobody expected."""
    import errno

    if isinstance(error, LookupError) and len(error.args) == 1 and isinstance(error.args[0], str) and type(error) is LookupError:
        return [f"`{error.args[0]}` is not installed"], f"pip install {error.args[0]}, or the extra of your language"
    if (fault := fault_of_plugin(error)) is not None:
        return [fault[0]], fault[1]
    if isinstance(error, OSError):
        what = error.strerror or str(error)
        where = f" `{error.filename}`" if error.filename else ""
        hint = {
            errno.ENOSPC: "free some space, or choose another store with --store; then run the same command again",
            errno.EROFS: "choose another store with --store",
            errno.EACCES: "choose another store with --store",
        }.get(error.errno or 0)
        return [f"{what}{where}"], hint
    if "runtime.store.store" in sys.modules:
        from runtime.store.store import StoreError

        if isinstance(error, StoreError):
            return list(error.lines), error.hint
    if "runtime.sources.ingest" in sys.modules:
        from operators.base.licence import RESTRICTED
        from runtime.sources.ingest import BadRows, without_cells

        if isinstance(error, BadRows):
            shown = without_cells if error.license in RESTRICTED and not sys.stderr.isatty() else str
            lines = [f"  {name}:{line}: {shown(reason)}" if line else f"  {name}: {reason}" for name, line, reason in error.rows]
            more = [f"  and {error.more:,} more"] if error.more else []
            more += [f"  `...` is text of class {error.license}, shown in a terminal alone"] if shown is without_cells else []
            whole = "mend the file or what the recipe says of it; a column that rows may lack has `missing: null`"
            hint = whole if error.whole else "mend the file, or say `on_bad_row: quarantine`"
            return [f"{error}:", *lines, *more], hint
    return None


if __name__ == "__main__":
    main()
