"""An exported dataset as Croissant 1.1 with fields of responsible AI: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html.

All of it follows from the report and the exported files. What no recipe says, such as social impact, is left out and not made up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operators.base.scope import ColumnType
from runtime.build.funnel import rows_of_step
from runtime.export.dataset import IDS
from runtime.export.folder import KIND, MARKER
from runtime.report.plain import written
from runtime.report.report import Report
from runtime.store.files import hash_path
from runtime.store.store import StoreError

FORMAT, RAI = "http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"
OWN = (
    *("annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "excludes", "extract", "field"),
    *("fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "readLines", "recordSet", "references", "regex", "sdVersion", "separator", "source", "subField"),
    *("transform", "unArchive", "value"),
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    # The specification writes `http` and the library that loads such files knows `https` alone; to schema.org they are one.
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in OWN},
}
TYPES: dict[ColumnType, str] = {"integer": "sc:Integer", "number": "sc:Float", "boolean": "sc:Boolean"}
#: Its registered name, and the one that loaders know it by.
PARQUET = ["application/vnd.apache.parquet", "application/x-parquet"]
LISTS = ("list of text", "messages", "tools")
MOST = 100
"""Lines that one field has."""


@dataclass(frozen=True)
class Publication:
    """What no recipe says of a dataset, and the format wants."""

    url: str
    creators: tuple[str, ...]
    published: str
    """A date."""


@dataclass(frozen=True)
class Exported:
    """An export as it lies in a folder."""

    rows: int
    left_out: dict[str, int]
    """Licence class -> rows that stayed."""
    files: tuple[tuple[str, str, int], ...]
    """(path in the folder, SHA-256, bytes) of each file of rows."""


def read_export(folder: Path, named: str, digest: str) -> Exported:
    """An export of the dataset that a digest names. Raises StoreError where a folder is none."""
    try:
        said = json.loads((folder / MARKER).read_text("utf-8"))
        rows, left_out, listed = int(said["rows"]), dict(said["left_out"]), dict(said["files"])
        whose = said["digest"] if said["kind"] == KIND else None
    except (OSError, ValueError, KeyError, TypeError):
        whose = None
    if whose is None:
        raise StoreError(f"`{named}` is no export of a dataset", "make one: recipe export RECIPE --to DIR")
    if whose != digest:
        message = f"`{named}` is an export of {str(whose)[:12]}, and the dataset is {digest[:12]}"
        raise StoreError(message, "export it again: recipe export RECIPE --to DIR --force")
    shards = sorted(name for name in listed if name.startswith("data/") and ".." not in name)
    changed = [name for name in shards if not (folder / name).is_file() or hash_path(folder / name) != listed[name]]
    if changed:
        raise StoreError(
            f"`{changed[0]}` in `{named}` is not as it was exported", "export it again: recipe export RECIPE --to DIR"
        )
    return Exported(rows, left_out, tuple((name, sha256(folder / name), (folder / name).stat().st_size) for name in shards))


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_croissant(report: Report, exported: Exported, publication: Publication) -> str:
    """The description as JSON-LD, in ASCII."""
    described = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [FORMAT, RAI],
        "name": report.recipe,
        "description": report.description or f"The table {report.output} of the recipe {report.recipe}.",
        "identifier": report.digest,
        "url": publication.url,
        "license": licence(exported),
        "creator": [{"@type": "sc:Organization", "name": creator} for creator in publication.creators],
        "datePublished": publication.published,
        "inLanguage": list(dict.fromkeys(code for _, code in report.languages)),
        "keywords": ["data-recipe", "reasoning"],
        "isLiveDataset": False,
        "distribution": list(files(exported)),
        "recordSet": [record_set(report)],
        "prov:wasDerivedFrom": [
            {"@id": f"urn:blake3:{digest}", "prov:label": source} for source, digest, _ in report.locked.sources[:MOST] if digest
        ],
        **responsible(report, exported),
    }
    return written(described)


def licence(exported: Exported) -> dict[str, str]:
    """Sources differ, and a recipe states a class for each."""
    text = f"All {exported.rows:,} rows are of class A, which may be redistributed; the licence of each source is its own."
    return {"@type": "sc:CreativeWork", "name": "redistributable-per-source", "description": text}


def files(exported: Exported) -> Iterator[dict[str, Any]]:
    """A folder, the files in it with their checksums, and the set of them that fields are read from."""
    for name, digest, size in exported.files:
        yield {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name.rpartition("/")[2],
            "contentUrl": name,
            "contentSize": f"{size} B",
            "encodingFormat": PARQUET,
            "sha256": digest,
        }
    yield {
        "@type": "cr:FileSet",
        "@id": "rows",
        "name": "rows",
        "encodingFormat": PARQUET,
        "includes": "data/*.parquet",
    }


def record_set(report: Report) -> dict[str, Any]:
    """The columns of the rows; ids are hexadecimal text."""
    columns: list[tuple[str, str]] = [*((name, "text") for name in IDS), *report.columns]
    fields = []
    for name, kind in columns:
        field = {
            "@type": "cr:Field",
            "@id": f"default/{name}",
            "name": name,
            "dataType": {str(key): value for key, value in TYPES.items()}.get(kind, "sc:Text"),
            "source": {"fileSet": {"@id": "rows"}, "extract": {"column": name}},
        }
        fields.append(field | ({"isArray": True, "arrayShape": "-1"} if kind in LISTS else {}))
    return {"@type": "cr:RecordSet", "@id": "default", "name": "default", "key": {"@id": "default/row_id"}, "field": fields}


def responsible(report: Report, exported: Exported) -> dict[str, Any]:
    """How the rows came to be, what they lack and how they are made again."""
    read = sum(each.read for each in report.kinds)
    origins = [
        f"{each.source}, category {each.category}: {each.read:,} rows read, {each.kept:,} in the dataset" for each in report.kinds
    ]
    raw = [f"{source}: {rows:,} rows, files with the BLAKE3 digest {digest}" for source, digest, rows in report.locked.sources]
    bad = sum(rows for _, rows in report.quarantined)
    left = [
        f"{rows:,} rows of class {name} are not here: nobody may pass them on, or their terms are not stated"
        for name, rows in exported.left_out.items()
    ]
    wrote = [f"{model}, terms {terms}, class {each}" for model, terms, each in report.writers]
    personal = [name for name, _ in report.locked.operators if "personal" in name]
    looked = f"Looked for by the steps {', '.join(personal)}." if personal else "No step of the recipe looks for personal data."
    target = next((code for role, code in report.languages if role == "target"), "the recipe's language")
    return {
        "rai:dataCollection": f"{read:,} rows were read from {len(report.locked.sources):,} declared sources. {lines(origins)}",
        "rai:dataCollectionRawData": lines(raw),
        "rai:dataCollectionMissingData": f"{bad:,} rows could not be read and were left out.",
        "rai:dataPreprocessingProtocol": list(steps(report))[:MOST],
        "rai:dataBiases": list(shares(report))[:MOST],
        "rai:dataLimitations": left or ["No row was left out for its licence."],
        "rai:dataUseCases": [f"Training and fine-tuning of language models that reason in {target}."],
        "rai:personalSensitiveInformation": [looked],
        "rai:dataReleaseMaintenancePlan": [
            f"It is made again by: {'; '.join(report.locked.commands)}. Digest of the whole table: {report.digest}."
        ],
        **({"rai:machineAnnotationTools": wrote[:MOST]} if wrote else {}),
    }


def lines(parts: list[str]) -> str:
    """Parts as one text; of many the first are told."""
    more = len(parts) - MOST
    return "; ".join(parts[:MOST]) + (f"; and {more:,} more" if more > 0 else "") + "."


def steps(report: Report) -> Iterator[str]:
    """Each step with the rows that it took or gave."""
    wanted = {(each.stage.partition("/")[0], each.step): each.wanted for each in report.measured}
    for table in report.funnel:
        for step in table["steps"]:
            count, name = sum(rows_of_step(step).values()), (table["table"], step["step"])
            said = f" (wants {wanted[name]})" if name in wanted else ""
            yield f"{table['table']}/{step['step']}{said}: {count:,} rows {'born' if 'born' in step else 'dropped'}"


def shares(report: Report) -> Iterator[str]:
    """What the rows are of, as shares."""
    for each in report.kinds:
        if each.kept:
            yield f"{each.kept:,} of {report.rows:,} rows are of the category {each.category} of the source {each.source}"
    for scripts in report.scripts:
        yield (
            f"{scripts.column}, category {scripts.category}: {100 * scripts.target / scripts.letters:.1f} % of the letters"
            f" of {scripts.rows:,} sampled rows are in the target language's scripts"
        )
