"""Sites as triage looks at them: how much each gives, how many of its pages give nothing, and how much stands elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operators.declared.source import Source
from operators.declared.triage import Reason, Triage

if TYPE_CHECKING:
    import pyarrow as pa

#: Of this many n-grams of characters one is looked at, which one by its hash: the same in every site.
SAMPLED = 64
GRAM = 13


@dataclass(frozen=True)
class Measured:
    """What was found of one site."""

    rows: int
    pages: int | None
    """Pages that were looked at; None for a site that is no crawl."""
    barren: int
    """Those that gave no row."""
    bad: int
    """Rows, or pages, that cannot be read."""
    grams: Any
    """Sampled n-grams of its text as sorted distinct 64-bit hashes."""


@dataclass(frozen=True)
class Near:
    """How much of a site's text stands in a larger one."""

    site: str
    shared: int
    of: int


def measure_site(source: Source, paths: Iterable[Path]) -> Measured:
    """What the files of a site hold. Raises Unreadable."""
    import numpy as np

    from runtime.sources.readers.read import read_batches
    from runtime.sources.readers.warc import read_counted

    rows = pages = barren = bad = 0
    grams = [np.zeros(0, np.uint64)]
    for path in sorted(paths):
        crawled = source.format_of(path.name) == "warc"
        counted = read_counted(source, path) if crawled else ((batch, 0, 0) for batch in read_batches(source, path))
        for batch, seen, empty in counted:
            rows, pages, barren, bad = rows + batch.table.num_rows, pages + seen, barren + empty, bad + len(batch.bad)
            grams.append(sampled(batch.table))
        grams = [np.unique(np.concatenate(grams))]
    return Measured(rows, pages or None, barren, bad, grams[0])


def sampled(table: pa.Table) -> Any:
    """The sampled n-grams of the first text column of some rows, without white space and case."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from operators.kernels.shingles import shingles

    name = next((each for each in ("prompt", "messages") if each in table.column_names), table.column_names[0])
    if not table.num_rows or not pa.types.is_string(table.schema.field(name).type):
        return np.zeros(0, np.uint64)
    folded = pc.utf8_lower(pc.utf8_normalize(pc.fill_null(table[name].cast(pa.large_string()), ""), "NFKC"))
    bare = pa.concat_arrays(pc.replace_substring_regex(folded, r"\s+", "").chunks)
    hashes, _ = shingles(bare, GRAM)
    return np.unique(hashes[hashes % np.uint64(SAMPLED) == 0])


def nearest(name: str, sites: Mapping[str, Measured]) -> Near | None:
    """The larger site in which most of a site's text stands; of two that are equally large the first by name is the larger."""
    import numpy as np

    own = sites[name]
    found = [
        Near(other, len(np.intersect1d(own.grams, each.grams, assume_unique=True)), len(own.grams))
        for other, each in sorted(sites.items())
        if other != name and (-each.rows, other) < (-own.rows, name)
    ]
    return max(found, key=lambda near: near.shared, default=None) if len(own.grams) else None


def reasons(triage: Triage, site: Measured, near: Near | None) -> Iterator[tuple[Reason, str]]:
    """Each limit that a site does not keep to, with what was found."""
    if triage.volume is not None and site.rows < triage.volume:
        yield "volume", f"{site.rows:,} row{'s' * (site.rows != 1)}"
    if triage.obfuscation is not None and site.pages and site.barren > triage.obfuscation * site.pages:
        yield "obfuscation", f"{site.barren:,} of {site.pages:,} pages give no row"
    if triage.near_duplicates is not None and near is not None and near.shared > triage.near_duplicates * near.of:
        yield "near_duplicates", f"{100 * near.shared / near.of:.1f} % of its text stands in {near.site}"
