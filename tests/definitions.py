"""The definitions that decide what an operator does: those that its class reaches by name, through any file."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from compiler.text.canonical import digest_of
from tests.conftest import ROOT

#: What all operators share, and what only speaks: left out.
SHARED = frozenset({"operators.base.declare", "operators.base.scope", "operators.text.sqltext", "operators.text.nearest"})
#: Decorators under which a method is called by its name alone; any other may call it by itself.
PLAIN = {"property", "cached_property", "classmethod", "staticmethod", "abstractmethod"}


class Place(NamedTuple):
    """A definition, or one method of a class; a whole file where `name` is None."""

    module: str
    name: str | None
    method: str | None = None


def bare(node: Any) -> Any:
    """A syntax tree as plain data without docstrings and imports; the same under every version of Python."""
    if isinstance(node, list):
        return [bare(part) for part in node if not speaks(part)]
    if isinstance(node, ast.AST):
        fields = {name: bare(value) for name, value in ast.iter_fields(node) if value not in (None, []) and name != "ctx"}
        return {type(node).__name__: fields}
    return repr(node)


def speaks(node: Any) -> bool:
    """Whether a statement does nothing by itself: a docstring, or an import, which only says where a name comes from."""
    return isinstance(node, ast.Import | ast.ImportFrom) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def imported(nodes: list[ast.stmt]) -> dict[str, tuple[str, str | None]]:
    """Name -> (module, name there) of all imports in some statements."""
    found: dict[str, tuple[str, str | None]] = {}
    for node in (inner for each in nodes for inner in ast.walk(each)):
        if isinstance(node, ast.ImportFrom):
            found |= {each.asname or each.name: (node.module or "", each.name) for each in node.names}
        elif isinstance(node, ast.Import):
            found |= {each.asname or each.name.split(".")[0]: (each.name, None) for each in node.names}
    return found


def bound(node: ast.stmt) -> list[str]:
    """The names that a statement at the top of a file gives something to."""
    match node:
        case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.Assign():
            return [each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
    return []


class Module:
    """One file: its definitions, its imports, and what else it does when it is imported."""

    def __init__(self, path: Path) -> None:
        self.names: dict[str, list[ast.stmt]] = {}
        self.loose: list[ast.stmt] = []
        body = ast.parse(path.read_text("utf-8")).body
        guards = [node for node in body if isinstance(node, ast.If) and all(map(speaks, (*node.body, *node.orelse)))]
        self.imports = imported([node for node in body if speaks(node) or node in guards])
        for node in body:
            if not speaks(node) and node not in guards:
                for name in bound(node):
                    self.names.setdefault(name, []).append(node)
                if not bound(node):
                    self.loose.append(node)


@dataclass
class Definitions:
    """The definitions of a package under `root`; `outside` are the packages that call its methods by their names."""

    root: Path = ROOT
    package: str = "operators"
    outside: tuple[str, ...] = ("compiler", "runtime")
    modules: dict[str, Module | None] = field(default_factory=dict)
    used: dict[Place, tuple[dict[str, Place | str], set[str]]] = field(default_factory=dict)
    """What `uses` found: operators share most of what they reach."""
    digests: dict[Place, str] = field(default_factory=dict)

    def module(self, name: str) -> Module | None:
        """A file of the package; None where there is none."""
        if name not in self.modules:
            path = self.root.joinpath(*name.split(".")).with_suffix(".py")
            self.modules[name] = Module(path) if name.partition(".")[0] == self.package and path.is_file() else None
        return self.modules[name]

    @cached_property
    def called(self) -> frozenset[str]:
        """The attributes that code outside the package names."""
        files = [path for each in self.outside for path in (self.root / each).rglob("*.py")]
        trees = (ast.parse(path.read_text("utf-8")) for path in files)
        return frozenset(node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute))

    def resolve(self, module: str, name: str, local: dict[str, tuple[str, str | None]]) -> Place | str | None:
        """What a name stands for in a file: a definition, something that is not ours, or None for what Python has."""
        here = self.module(module)
        assert here is not None
        if name not in local and name in here.names:
            return Place(module, name)
        origin = local.get(name) or here.imports.get(name)
        if origin is None:
            return None
        source, inner = origin
        if source.partition(".")[0] != self.package:
            return f"{source}:{inner}"
        if inner is None or self.module(f"{source}.{inner}") is not None:
            return Place(source if inner is None else f"{source}.{inner}", None)
        return self.resolve(source, inner, {}) if self.module(source) is not None else None

    def parts(self, place: Place) -> list[ast.stmt]:
        """The statements of a definition; of a class without its methods."""
        module = self.module(place.module)
        assert module is not None
        if place.name is None:
            return [node for nodes in module.names.values() for node in nodes]
        nodes = module.names[place.name]
        if place.method is not None:
            return [each for node in nodes for each in methods(node) if each.name == place.method]
        return [without_methods(node) for node in nodes]

    def uses(self, place: Place) -> tuple[dict[str, Place | str], set[str]]:
        """What the names in a definition stand for, and the attributes and texts in it by which methods may be called."""
        if place in self.used:
            return self.used[place]
        found: dict[str, Place | str] = {}
        attributes: set[str] = set()
        parts = self.parts(place)
        local = imported(parts)
        for node in (inner for part in parts for inner in ast.walk(part)):
            match node:
                case ast.Name(id=name) if (target := self.resolve(place.module, name, local)) is not None:
                    found[name] = target
                case ast.Attribute(attr=name):
                    attributes.add(name)
                case ast.Constant(value=str() as text) if text.isidentifier():
                    attributes.add(text)
        self.used[place] = found, attributes
        return found, attributes

    def reached(self, start: Place) -> dict[Place, dict[str, Place | str]]:
        """Each definition that one reaches, itself among them, with what its names stand for."""
        found: dict[Place, dict[str, Place | str]] = {}
        called, waiting, classes = set(self.called), {start}, set[Place]()
        while waiting:
            for place in waiting:
                found[place], attributes = self.uses(place)
                called |= attributes
                module = self.module(place.module)
                assert module is not None
                if place.name is not None and place.method is None and methods(*module.names[place.name]):
                    classes.add(place)
            targets = {each for place in waiting for each in found[place].values() if isinstance(each, Place)}
            ran = {Place(each.module, None) for each in waiting | targets if each.name is None}
            waiting = {each for each in targets | ran if each.module not in SHARED}
            for each in classes:
                nodes = methods(*self.module(each.module).names[each.name])  # type: ignore[union-attr, index]
                waiting |= {Place(each.module, each.name, node.name) for node in nodes if runs(node, called)}
            waiting -= {*found}
        return found

    def hash_of(self, kind: type) -> str:
        """A hash of all definitions that a class reaches, wherever they stand: 16 hexadecimal digits.

        Docstrings, comments and layout do not count. Where it is not sure that a method is called, it counts: one counts
        when its name is written in anything that is reached, or as an attribute outside.
        """
        found = self.reached(Place(kind.__module__, kind.__name__))
        files = {place.module for place in found}
        loose = [bare(module.loose) for name in files if (module := self.module(name)) is not None and module.loose]
        return digest_of([sorted({self.digest(place) for place in found}), sorted({digest_of(each) for each in loose})])[:16]

    def digest(self, place: Place) -> str:
        """A hash of one definition and of what the names in it stand for."""
        if place not in self.digests:
            names = {name: self.told(each) for name, each in sorted(self.uses(place)[0].items())}
            self.digests[place] = digest_of({"is": bare(self.parts(place)), "names": names})
        return self.digests[place]

    def told(self, target: Place | str) -> str:
        """What a name stands for, without the file that it stands in."""
        if isinstance(target, str):
            return target
        return target.module if target.module in SHARED else digest_of(bare(self.parts(target)))


Function = ast.FunctionDef | ast.AsyncFunctionDef


def methods(*nodes: ast.stmt) -> list[Function]:
    """The methods of classes."""
    return [each for node in nodes if isinstance(node, ast.ClassDef) for each in node.body if isinstance(each, Function)]


def without_methods(node: ast.stmt) -> ast.stmt:
    if not isinstance(node, ast.ClassDef):
        return node
    body = [each for each in node.body if not isinstance(each, Function)]
    return ast.ClassDef(node.name, node.bases, node.keywords, body, node.decorator_list)


def runs(method: Function, called: set[str]) -> bool:
    """Whether a method may be called: by its name, by Python, or by what decorates it."""
    plain = all(isinstance(each, ast.Name) and each.id in PLAIN for each in method.decorator_list)
    return method.name in called or method.name.startswith("__") or not plain


@lru_cache(maxsize=1)
def ours() -> Definitions:
    """The definitions of this project's operators."""
    return Definitions()
