"""`extends` and `--set`: several texts become one recipe."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from compiler.text.composing import Document, look_at, read_document
from compiler.text.diagnostics import Diagnostic, RecipeError
from compiler.text.document import MAX_DEPTH, MAX_NODES, Entry, TextNode, load_text
from compiler.text.project import Place
from compiler.text.spans import Span, Text, span_at
from compiler.text.steps import combine_steps, read_step, unknown_step

STEP_LISTS = (("prompts",), ("traces",), ("tables", "*", "steps"))
MAX_EXTENDS = 8
MAX_SETTINGS = 200
OWN = ("recipe", "description", "extends")
"""What a recipe says of itself alone, and does not inherit."""

Keys = tuple[str, ...]


def merge(base: TextNode | None, over: TextNode) -> TextNode:
    """Lay one recipe over another, or bring it alone into its settled form; raises RecipeError with every mistake."""
    problems: list[Diagnostic] = []
    merged = lay_over(base, over, problems)
    if problems:
        raise RecipeError(problems)
    return merged


def lay_over(base: TextNode | None, over: TextNode, problems: list[Diagnostic]) -> TextNode:
    """A recipe over another or alone in its settled form: steps in their places, names used once; mistakes go into `problems`."""
    return _combine(None if base is None else _combine(None, base, (), problems), over, (), problems)


def is_step_list(path: Keys) -> bool:
    """Whether the list at a path merges by step names."""
    return any(
        len(path) == len(pattern) and all(want in ("*", key) for want, key in zip(pattern, path, strict=True))
        for pattern in STEP_LISTS
    )


def _combine(base: TextNode | None, over: TextNode, path: Keys, problems: list[Diagnostic]) -> TextNode:
    if isinstance(over.value, list) and is_step_list(path):
        under = base.items if base is not None else []
        steps, left = combine_steps(under, over.value, partial(_combine_parameters, path, problems), problems)
        return replace(over, value=steps, left=(*(base.left if base is not None else ()), *over.left, *left))
    if not isinstance(over.value, dict):
        return over
    before = base.entries if base is not None else {}
    merged: dict[str, Entry] = {}
    for key, entry in (before | over.value).items():
        below = before[key].node if key in before else None
        if key not in over.value:
            merged[key] = replace(entry, node=_combine(None, entry.node, (*path, key), problems))
        elif below is None or entry.node.value is not None:  # null removes what is there
            merged[key] = replace(entry, node=_combine(below, entry.node, (*path, key), problems))
    lacks = (*(base.left if base is not None else ()), *over.left)
    return replace(over, value=merged, left=tuple(key for key in dict.fromkeys(lacks) if key not in merged))


def _combine_parameters(path: Keys, problems: list[Diagnostic], base: TextNode | None, over: TextNode) -> TextNode:
    return _combine(base, over, (*path, "", ""), problems)  # a step's parameters are no step list


@dataclass(frozen=True)
class Merged:
    """A recipe as its texts say it together."""

    node: TextNode
    texts: tuple[Text, ...]
    """The recipe, all it extends, and every `--set`."""
    problems: tuple[Diagnostic, ...]
    """Every mistake that was met; what is wrong is left out of `node`."""
    torn: bool
    """Whether lines were left out, so that what is missing may have stood there."""


def load_recipe(place: Place, settings: Sequence[str] = ()) -> Merged:
    """Read a recipe with everything it extends and every `--set`. Raises RecipeError where nothing of it can be read."""
    path = place.reach(place.path, place.shown)
    # Another version of the recipe: what it extends is relative to `path` all the same.
    content = path if place.content is None else place.content
    texts = [replace(load_text(content, place.shown), path=path)]
    documents = [look_at(texts[0])]
    problems = list(documents[0].problems)
    while (extends := _map_of(documents[-1].root, problems).get("extends")) is not None:
        try:
            texts.append(_follow(extends, texts, place))
        except RecipeError as error:
            problems += error.diagnostics
            documents.append(Document(TextNode({}, extends.span), (), torn=True))
            break
        documents.append(look_at(texts[-1]))
        problems += documents[-1].problems
    nodes = [_map_of(each.root, problems) for each in documents]
    if len(settings) > MAX_SETTINGS:
        raise RecipeError(Diagnostic(f"there are {len(settings)} `--set`, and {MAX_SETTINGS} are the most", nodes[0].span))
    if (count := sum(map(count_values, nodes))) > MAX_NODES:
        message = f"the recipe has {count:,} values together with what it extends, and {MAX_NODES:,} are the most"
        raise RecipeError(Diagnostic(message, nodes[0].span))
    merged = lay_over(None, _without(nodes.pop(), ("extends",)), problems)
    while nodes:
        merged = lay_over(_without(merged, OWN), _without(nodes.pop(), ("extends",)), problems)
    for setting in settings:
        texts.append(Text(f"--set {setting}", None, setting))
        try:
            merged = apply_setting(merged, texts[-1])
        except RecipeError as error:
            problems += error.diagnostics
    return Merged(merged, tuple(texts), tuple(dict.fromkeys(problems)), any(each.torn for each in documents))


def _map_of(root: TextNode | None, problems: list[Diagnostic]) -> TextNode:
    """The map that a document is. Raises RecipeError where it is none, for then nothing is left to look at."""
    if root is None:
        raise RecipeError(problems)
    if not isinstance(root.value, dict):
        wrong = Diagnostic("a recipe is a map of keys", root.span, "begin with `format: 1`")
        raise RecipeError(problems or [wrong])
    return root


def count_values(node: TextNode) -> int:
    """How many values a tree holds, itself among them."""
    return 1 + sum(map(count_values, node.children))


def _without(node: TextNode, keys: tuple[str, ...]) -> TextNode:
    return replace(node, value={key: entry for key, entry in node.entries.items() if key not in keys})


def _follow(extends: TextNode, texts: list[Text], place: Place) -> Text:
    written, here = extends.value, texts[-1]
    if not isinstance(written, str) or not written:
        raise RecipeError(Diagnostic("`extends` takes the path of one recipe", extends.span))
    if written.startswith("pkg:"):
        inner = written.removeprefix("pkg:")
        inner = inner if inner.endswith((".yaml", ".yml")) else f"{inner}.yaml"
        target, shown = place.package / inner, f"pkg:{posixpath.normpath(inner)}"
    else:
        assert here.path is not None
        target = here.path.parent / written
        prefix = "pkg:" if here.name.startswith("pkg:") else ""
        folder = posixpath.dirname(here.name.removeprefix(prefix))
        shown = prefix + posixpath.normpath(posixpath.join(folder, written))
    real = place.reach(target, written, extends.span)
    chain = " -> ".join((*(text.name for text in texts), shown))
    if any(text.path == real for text in texts):
        raise RecipeError(Diagnostic(f"a recipe extends itself: {chain}", extends.span))
    if len(texts) > MAX_EXTENDS:
        raise RecipeError(Diagnostic(f"more than {MAX_EXTENDS} recipes extend each other: {chain}", extends.span))
    return load_text(real, shown, span=extends.span)


_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|[^."=]+')


def apply_setting(node: TextNode, text: Text) -> TextNode:
    """Lay one `key=value` over a recipe; the text's content is what follows `--set`."""
    keys, start = _read_keys(text)
    if not text.content[start:].strip():
        hint = 'write `null` to remove the key, `""` for an empty text'
        raise RecipeError(Diagnostic("there is no value after the `=`", span_at(text, start, start), hint))
    value = read_document(text, start)
    first = text.content[text.starts[value.span.line - 1] + value.span.column - 1]
    if isinstance(value.value, dict | list) and first not in "{[&!":
        hint = "write `{key: value}` or `[item]`, or quote a text"
        raise RecipeError(Diagnostic("a map or list on the command line needs its brackets", value.span, hint))
    if keys[0][0] == "extends":
        raise RecipeError(Diagnostic("`extends` cannot be set from the command line", keys[0][1]))
    return merge(node, _nest(node, keys, value, ()))


def apply_patch(node: TextNode, patch: TextNode) -> TextNode:
    """Lay a map of dotted keys over a recipe, each as `--set` would; raises RecipeError with every mistake."""
    problems: list[Diagnostic] = []
    for written, entry in patch.entries.items():
        try:
            node = merge(node, _nest(node, dotted_keys(written, entry.key_span), entry.node, ()))
        except RecipeError as error:
            problems += error.diagnostics
    if problems:
        raise RecipeError(problems)
    return node


def dotted_keys(written: str, span: Span) -> list[tuple[str, Span]]:
    """The parts of a dotted key that stands in a text, each with its place; raises RecipeError."""
    try:
        keys, end = _read_keys(Text(span.text.name, span.text.path, f"{written}="))
    except RecipeError:
        end = 0
    if end != len(written) + 1:
        raise RecipeError(Diagnostic(f"`{written[:80]}` is no dotted key", span, "for instance `cot.schema` or `seed`"))
    start = span.text.starts[span.line - 1] + span.column - 1
    if span.text.content[start : start + len(written)] != written:
        return [(key, span) for key, _ in keys]  # it is quoted
    return [(key, span_at(span.text, start + at.column - 1, start + at.end_column - 1)) for key, at in keys]


def _read_keys(text: Text) -> tuple[list[tuple[str, Span]], int]:
    keys: list[tuple[str, Span]] = []
    index, content = 0, text.content
    while part := _PART.match(content, index):
        key = part[0] if part[1] is None else re.sub(r"\\(.)", r"\1", part[1], flags=re.DOTALL)
        keys.append((key, span_at(text, part.start(), part.end())))
        index = part.end()
        if content[index : index + 1] == "=":
            if len(keys) >= MAX_DEPTH:
                raise RecipeError(Diagnostic(f"a key has at most {MAX_DEPTH - 1} parts", keys[0][1]))
            return keys, index + 1
        if content[index : index + 1] != ".":
            break
        index += 1
    raise RecipeError(Diagnostic("`--set` takes `key=value`", span_at(text, index), "for instance `--set seed=1`"))


def _nest(base: TextNode | None, keys: list[tuple[str, Span]], value: TextNode, path: Keys) -> TextNode:
    """Build the recipe that says nothing but this value, as far as `base` needs it to be addressed."""
    if not keys:
        return value
    (key, span), rest = keys[0], keys[1:]
    if is_step_list(path):
        return _nest_step(base, keys, value, path)
    if base is not None and isinstance(base.value, list):
        hint = "set the whole list: `[...]`"
        raise RecipeError(Diagnostic(f"`{'.'.join(path)}` is a list, it has no key `{key}`", span, hint))
    below = base.get(key) if base is not None else None
    return TextNode({key: Entry(span, _nest(below, rest, value, (*path, key)))}, value.span)


def _nest_step(base: TextNode | None, keys: list[tuple[str, Span]], value: TextNode, path: Keys) -> TextNode:
    (name, span), rest = keys[0], keys[1:]
    nodes = base.items if base is not None else []
    steps = {step.name: step for node in nodes if (step := read_step(node, [])) is not None}
    step = steps.get(name)
    if step is None:
        raise RecipeError(unknown_step(name, span, list(steps), f"in `{'.'.join(path)}`"))
    named = TextNode(name, span, name, True)
    if not rest and value.value is None:
        return TextNode([TextNode({"drop": Entry(span, named)}, span)], span)
    parameters = step.node.get(step.operator)
    inner = _nest(parameters, rest, value, (*path, "", ""))
    entries = {step.operator: Entry(span, inner)}
    if name != step.operator:
        entries = {"name": Entry(span, named), **entries}
    return TextNode([TextNode(entries, span)], span)
