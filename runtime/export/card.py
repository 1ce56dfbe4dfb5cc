"""The cards of exports: front matter that a hub reads, and prose in which text of recipes and rows stays text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from compiler.recipe.triage import undecided
from compiler.text.diagnostics import visible
from operators.base.release import BINDING, OPEN, title
from operators.declared.by_row import closest
from runtime.build.funnel import birth_lines, funnel_of_build, heading, rows_of_step
from runtime.review.markdown import code, escape, grid

if TYPE_CHECKING:
    from compiler.prove.release import Term
    from runtime.export.built_output import BuiltOutput, Counts

#: The steps in which a hub counts rows.
STEPS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")

#: A recipe states a class for each source and no licence by name, and sources differ: a hub calls that `other`.
PER_SOURCE = {"license": "other", "license_name": "redistributable-per-source"}


@dataclass(frozen=True)
class TrainingSummary:
    """What one training of a chain learnt."""

    name: str
    table: str
    digest: str
    trained: str
    """The digest of its rows when it was trained; licence and category may have been corrected since."""
    rows: int
    settings: dict[str, str]
    counts: Counts


def dataset_card(output: BuiltOutput, rows: Counts) -> str:
    """The card of an exported dataset; `rows` are those of the whole table, also the ones that were left out."""
    recipe, record = output.recipe, output.record
    kept = sum(count for (_, _, licence), count in rows.items() if licence == "A")
    left = sum(rows.values()) - kept
    traces = bool(output.writers())
    front = {
        **PER_SOURCE,
        "pretty_name": visible(recipe.name),
        "language": languages(recipe.languages),
        "size_categories": [size(kept)],
        "task_categories": ["text-generation"],
        "tags": ["data-recipe", "reasoning", *(["chain-of-thought"] if traces else [])],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*"}]}],
    }
    columns = ["`row_id` and `item_id` (hexadecimal text)"]
    columns += [f"{code(name)} ({column['type']})" for name, column in record.columns.items()]
    provenance = [["source", "category", "licence class", "rows here", "rows left out"]]
    for (source, category, licence), count in rows.items():
        here = count if licence == "A" else 0
        provenance.append([escape(source), escape(category), escape(licence), f"{here:,}", f"{count - here:,}"])
    provenance.append(["**all**", "", "", f"**{kept:,}**", f"**{left:,}**"])
    stayed = (
        f"{left:,} of its rows are not here: their licence class lets nobody pass them on, or their terms are not stated."
        if left
        else "No row of it was left out."
    )
    parts = [
        f"# {escape(recipe.name)}",
        escape(recipe.description),
        f"The table {code(output.what)} of the recipe {code(recipe.name)}: {kept:,} rows. {stayed}",
        f"Columns: {', '.join(columns)}.",
        "## Sources and licences",
        "Every row here is of class A, which may be redistributed. Class B may be trained on and not redistributed; where the"
        " terms are not stated the class is `unknown`, for local use. A row made from several carries the most closed class"
        " of all of them. The licence of each source is its own: the classes are what the recipe's owner found of it.",
        grid(provenance),
        "A source without rows in either column gave none under its own name: they were dropped, or went into other rows.",
        *triage_section(output),
        *models_section(output),
        *funnel_section(output),
        *rebuild_section(output, "the whole table, also of the rows that were left out"),
    ]
    return front_matter(front) + "\n\n".join(part for part in parts if part) + "\n"


def checkpoint_card(
    output: BuiltOutput, licence: str, terms: Sequence[Term], bases: list[str], taught: Sequence[TrainingSummary]
) -> str:
    """The card of an exported checkpoint."""
    recipe = output.recipe
    front: dict[str, Any] = {
        **licence_of(licence),
        "base_model": bases if len(bases) != 1 else bases[0],
        "language": languages(recipe.languages),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["data-recipe", "reasoning"],
    }
    terms_line = "class A: it may be redistributed" if licence == "A" else title(licence)
    inherited = [["what", "licence"], *([escape(term.why.replace("`", "")), escape(title(term.name))] for term in terms)]
    parts = [
        f"# {escape(recipe.name)}: {escape(output.what)}",
        escape(recipe.description),
        f"The checkpoint {code(output.what)} of the recipe {code(recipe.name)}, trained from "
        + ", ".join(code(base) for base in bases)
        + ".",
        "## Licence",
        f"It is released under **{escape(terms_line)}**, the most open licence that satisfies all that went into it:",
        grid(inherited),
        f"{escape(title(licence))} asks for things of its own, such as a notice or a name: read it before you pass this on."
        if licence in BINDING
        else "",
        "## Training data",
        *(part for each in taught for part in training_section(each)),
        "Rows of class B may be trained on and not redistributed: they are not part of this release. No row is: the data is"
        " named by its digest.",
        *models_section(output),
        *rebuild_section(output, "the checkpoint"),
        "Training repeats its numbers on one machine and installation, and elsewhere only nearly; `training_manifest.json`"
        " has the settings, the versions and the device.",
    ]
    return front_matter(front) + "\n\n".join(part for part in parts if part) + "\n"


def training_section(taught: TrainingSummary) -> list[str]:
    """What one training saw, and how."""
    rows = [["source", "category", "licence class", "rows trained on"]]
    rows += [[*map(escape, each), f"{count:,}"] for each, count in taught.counts.items()]
    settings = [["setting", "value"], *([escape(name), escape(value)] for name, value in sorted(taught.settings.items()))]
    return [
        f"### {escape(taught.name)}",
        f"{taught.rows:,} rows of the table {code(taught.table)}, digest {code(taught.digest)}.",
        f"It was {code(taught.trained)} when it was trained: since then only columns changed that it does not learn."
        if taught.digest != taught.trained
        else "",
        grid(rows),
        grid(settings),
    ]


def licence_of(licence: str) -> dict[str, str]:
    """A release licence as a hub knows it; a class is no licence's name."""
    if (licence in OPEN or licence in BINDING) and licence != "A":
        return {"license": licence}
    name = "redistributable" if licence == "A" else re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-")
    return {"license": "other", "license_name": name or "other"}


def front_matter(fields: Mapping[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(dict(fields), sort_keys=False, allow_unicode=True)}---\n\n"


def triage_section(output: BuiltOutput) -> list[str]:
    """The decision on each site, as the recipe records it."""
    triage, sources = output.recipe.triage, output.recipe.sources
    left = undecided(triage, sources)
    if not triage.sites and not left:
        return []
    rows = [["site", "licence class", "decision", "why", "what was found"]]
    for name, site in sorted(triage.sites.items()):
        stated = closest(sources[name].operator.license) if name in sources else site.license or "not stated"
        rows.append([*map(escape, (name, stated, site.decision, (site.by or "").replace("_", " "), site.found or ""))])
    rows += [[*map(escape, (name, closest(sources[name].operator.license))), "not decided", "", ""] for name in left]
    kept = sum(site.decision == "keep" for site in triage.sites.values())
    said = f"Of {len(triage.sites) + len(left):,} sites {kept:,} were kept"
    return ["## Triage", f"{said}, and on {len(left):,} nothing is decided." if left else f"{said}.", grid(rows)]


def models_section(output: BuiltOutput) -> list[str]:
    """The models whose text the rows hold."""
    models = output.writers()
    if not models:
        return []
    rows = [["model", "terms of what it writes", "licence class"], *([escape(cell) for cell in each] for each in models)]
    return ["Models wrote parts of the rows:", grid(rows)]


def funnel_section(output: BuiltOutput) -> list[str]:
    """The rows of each source after each decision, a table for each table of the recipe."""
    parts = ["## Funnel", "Rows of each source, and those that each decision dropped, before rows were left out by licence."]
    for table in funnel_of_build(output.graph, output.built):
        if table["table"] == "sources":
            counts = [f"{escape(name)} {rows:,}" for name, rows in table["quarantined"].items()]
            parts.append("Rows that could not be read: " + ", ".join(counts) + ".")
            continue
        rows = [[escape(table["table"]), "rows", *(escape(heading(step)) for step in table["steps"]), "kept"]]
        for source, count in table["rows"].items():
            dropped = [f"{rows_of_step(step).get(source, 0):,}" for step in table["steps"]]
            rows.append([escape(source), f"{count:,}", *dropped, f"{table['left'].get(source, 0):,}"])
        totals = [f"{sum(rows_of_step(step).values()):,}" for step in table["steps"]]
        rows.append(["**all**", f"{sum(table['rows'].values()):,}", *totals, f"{sum(table['left'].values()):,}"])
        parts.append(grid(rows))
        if table.get("born"):
            parts.append(f"{table['born']:,} rows were born there.")
    return [*parts, *map(escape, birth_lines(output.graph, output.built))]


def rebuild_section(output: BuiltOutput, what: str) -> list[str]:
    """How it is made again, and by what it is recognised."""
    lock = "there is none" if output.lock is None else code(output.lock)
    operators = ", ".join(f"{code(name)} {version}" for name, version in output.operators())
    return [
        "## Rebuild",
        "With the recipe, its lock and its sources, in the project's folder:",
        # Indented, so that nothing which stands in it can end it.
        "\n".join("    " + visible(line) for line in output.commands()),
        f"- digest of {what}: {code(output.record.digest)}\n- lock (BLAKE3 of its bytes): {lock}",
        f"Operators and their versions: {operators}.",
    ]


def languages(declared: Mapping[str, str]) -> list[str]:
    """The codes of the languages, the target first."""
    ordered = sorted(declared.items(), key=lambda pair: (pair[0] != "target", pair[0]))
    return list(dict.fromkeys(visible(each) for _, each in ordered))


def size(rows: int) -> str:
    above = next((at for at in range(len(STEPS)) if rows < 10 ** (3 + at)), len(STEPS))
    if above in (0, len(STEPS)):
        return f"n<{STEPS[0]}" if above == 0 else f"n>{STEPS[-1]}"
    return f"{STEPS[above - 1]}<n<{STEPS[above]}"
