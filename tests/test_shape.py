"""The shape of the code: which way imports go, and how long files are."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.definitions import bound

LAYERS = ("operators", "compiler", "runtime")
FILES = sorted(path for layer in (*LAYERS, "recipes", "tests", "benchmarks") for path in (ROOT / layer).rglob("*.py"))
OUT_OF_DATE = "out of date: run `python -m compiler.docs --write`"


def tracked() -> list[Path]:
    """The files of the repository, and those that wait to be added; all files where there is no repository."""
    found = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True)
    names = found.stdout.decode().split("\0") if found.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()] or FILES


#: The rooms from the ground up: each imports from those before it and from itself.
ROOMS = (
    *("operators.text", "operators.conversations", "operators.kernels", "operators.base", "operators.conditions"),
    *("operators.maps", "operators.measures", "operators.asks", "operators.sets", "operators.grow", "operators.learn"),
    *("operators.declared", "operators.public", "operators.catalog", "operators.plugins"),
    *("compiler.text", "compiler.recipe", "compiler.language", "compiler.graph", "compiler.prove", "compiler.lower"),
    *("compiler.compile", "compiler.tell", "compiler.docs"),
    *("runtime.store", "runtime.tables", "runtime.completions", "runtime.sources", "runtime.training", "runtime.executors"),
    *("runtime.stages", "runtime.build", "runtime.life", "runtime.forget", "runtime.forecast", "runtime.review"),
    *("runtime.export", "runtime.report", "runtime.notebook", "runtime.cli"),
)


def named(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def imported(path: Path) -> set[str]:
    """All modules of ours that a file imports anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            inner = {f"{node.module}.{each.name}" for each in node.names} & {*MODULES}
            names |= inner or {str(node.module)}
    return names


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def test_a_room_imports_only_from_those_below_it() -> None:
    """Of the layers as of their rooms: the compiler stands on the operators, and the runtime on both."""
    wrong = {}
    for module, path in MODULES.items():
        if module.partition(".")[0] in LAYERS and module not in LAYERS:
            allowed = ROOMS[: ROOMS.index(room_of(module)) + 1]
            ours = {each for each in imported(path) if each.partition(".")[0] in (*LAYERS, "tests", "benchmarks")}
            if above := {each for each in ours if room_of(each) not in allowed}:
                wrong[module] = above
    assert wrong == {}


def test_files_import_one_another_in_no_circle() -> None:
    graph = {module: imported(path) & {*MODULES} - {module} for module, path in MODULES.items()}
    while free := [module for module, below in graph.items() if not below & {*graph}]:
        for module in free:
            del graph[module]
    assert graph == {}


def test_every_room_says_what_lives_in_it_and_files_lie_in_rooms() -> None:
    flat = sorted(path.name for layer in LAYERS for path in (ROOT / layer).glob("*.py"))
    assert flat == ["__init__.py"] * 3 + ["catalog.py", "compile.py", "docs.py", "notebook.py", "plugins.py", "public.py"]
    folders = {path.parent for layer in LAYERS for path in (ROOT / layer).rglob("*.py")}
    assert [folder for folder in sorted(folders) if len((folder / "__init__.py").read_text("utf-8")) < 40] == []


def test_no_module_but_one_reaches_another_through_importlib() -> None:
    """A command's file is imported by its name when the command is called; nothing else is."""
    found = [path for path in FILES if path.parts[-2] != "tests" and "import_module(" in path.read_text("utf-8")]
    assert named(found) == ["runtime/cli/main.py"]


CHANGES = {"append", "add", "update", "setdefault", "extend", "insert", "pop", "clear", "remove", "discard"}


def written_globals(path: Path) -> list[str]:
    """The names of a file's top that a function in it writes into, be they its own or imported from ours."""
    tree = ast.parse(path.read_text("utf-8"))
    ours = [node for node in tree.body if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in LAYERS]
    held = {each.asname or each.name for node in ours for each in node.names}
    held |= {name for node in tree.body for name in bound(node)}
    found = []
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        own = {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)}
        own |= {each.id for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        for node in ast.walk(function):
            match node:
                case ast.Global(names=names):
                    found += names
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()) if name in held - own:
                    found.append(name)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in CHANGES and name in held - own:
                    found.append(name)
    return found


@pytest.mark.parametrize("layer", ["operators", "compiler"])
def test_no_function_writes_into_what_a_file_holds(layer: str) -> None:
    """What is found out is passed along: nothing that one recipe says is left lying for the next."""
    wrong = {module: names for module, path in MODULES.items() if module.startswith(layer) and (names := written_globals(path))}
    assert wrong == {}


def test_a_function_that_writes_a_global_is_noticed(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    top = "from operators.base.files import KNOWN\nOWN: list[str] = []\n"
    wrong.write_text(f"{top}\n\ndef f(a):\n    KNOWN[a] = 1\n    OWN.append(a)\n")
    assert written_globals(wrong) == ["KNOWN", "OWN"]


def test_no_file_is_longer_than_300_lines() -> None:
    product = [path for path in FILES if path.relative_to(ROOT).parts[0] != "tests"]
    assert named([path for path in product if len(path.read_text("utf-8").splitlines()) > 300]) == []


def test_every_file_opens_with_one_sentence() -> None:
    wrong = []
    for path in FILES:
        source = path.read_text("utf-8")
        doc = ast.get_docstring(ast.parse(source))
        first = doc.split("\n\n")[0] if doc else ""
        if source and not re.fullmatch(r"\S[^\n]*[.]", first):
            wrong.append(path)
    assert named(wrong) == []


@pytest.mark.parametrize("name", ["recipe", "profile"])
def test_the_schemas_are_those_of_the_declarations(name: str) -> None:
    from compiler.recipe import schema

    made = {"recipe": schema.recipe_schema, "profile": schema.profile_schema}[name]()
    assert json.loads((ROOT / f"recipes/{name}.schema.json").read_text("utf-8")) == made, OUT_OF_DATE


def test_the_reference_is_that_of_the_declarations() -> None:
    from compiler.docs import reference

    assert (ROOT / "docs/operators.md").read_text("utf-8") == reference(), OUT_OF_DATE


def test_every_operator_of_the_catalog_is_documented_and_has_a_description() -> None:
    from operators.catalog import CATALOG
    from operators.declared.source import Source

    for operator in (Source, *CATALOG.values()):
        assert (operator.__doc__ or "").strip(), operator
        for name, field in json.loads((ROOT / "recipes/recipe.schema.json").read_text("utf-8"))["$defs"][operator.name][
            "properties"
        ].items():
            assert field.get("description"), f"{operator.name}.{name}"


def test_no_file_names_a_machine() -> None:
    """Absolute paths of a home or workspace, and hosts of package mirrors, belong to one machine only."""
    machine = re.compile(
        rb"/(?:home|Users|root|work|mnt|workspace)/[A-Za-z0-9_.-]+/|(?:index-url|extra-index-url|find-links)\s*[ =]|"
        rb"https?://(?:localhost|127\.|10\.|192\.168\.|[a-z0-9.-]*(?:artifactory|nexus|devpi|registry|\.internal|\.local|\.corp))"
    )
    wrong = [
        path
        for path in tracked()
        if "data" not in path.parts and path != Path(__file__).resolve() and machine.search(path.read_bytes())
    ]
    assert named(wrong) == []


def test_the_wheel_has_every_package() -> None:
    import tomllib

    find = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]["find"]
    # In a process of its own: setuptools puts its own distutils in the place of one that is loaded already, or refuses.
    lists = "import sys, setuptools; print(*setuptools.find_packages(sys.argv[1], include=sys.argv[2:]))"
    ran = subprocess.run([sys.executable, "-c", lists, ROOT, *find["include"]], capture_output=True, text=True, check=True)
    listed = ran.stdout.split()
    packages = [path.parent.relative_to(ROOT) for layer in LAYERS for path in (ROOT / layer).rglob("__init__.py")]
    found = {".".join(package.parts) for package in packages}
    assert found <= set(listed)


#: Who asks of which class an operator is, and why; all others take what its stage, or its family, says of itself.
ASK_OF_CLASSES = {
    "compiler/lower/": "lowering puts operators into the graph",
    "compiler/graph/stages.py": "the table of stages",
    "compiler/prove/amounts.py": "the proof is of what a mixture takes",
    "runtime/stages/": "the kinds of stages, and what they compute",
    "runtime/sources/ingest.py": "a source is read as it says",
    "runtime/completions/": "a model is asked as an operator says",
    "runtime/training/stage.py": "a model is taught as an operator says",
    "runtime/life/cot_row.py": "what `cot` comes to on a row is told by the steps that it is sugar for",
}


def subclasses(kind: type) -> set[str]:
    return {kind.__name__, *(name for each in kind.__subclasses__() for name in subclasses(each))}


def asked_of(path: Path) -> set[str]:
    """The classes that a file tests values for."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            found |= {each.id for each in ast.walk(node.args[1]) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name):
            found.add(node.cls.id)
    return found


def test_nobody_else_asks_of_which_class_an_operator_is() -> None:
    from operators import catalog
    from operators.base.declare import Operator

    families = {"Operator", "Step", "Measure", "Map", "SetDecision", "Pairwise"}
    classes = subclasses(Operator) - families
    assert catalog.OPERATORS and {"Source", "Train", "Generate"} <= classes
    files = [path for path in FILES if path.relative_to(ROOT).parts[0] in ("compiler", "runtime")]
    asking = [path for path in files if asked_of(path) & classes]
    assert [name for name in named(asking) if not name.startswith(tuple(ASK_OF_CLASSES))] == []
    assert [each for each in ASK_OF_CLASSES if not any(name.startswith(each) for name in named(asking))] == []
