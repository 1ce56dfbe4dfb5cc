"""The digest is the same wherever a recipe is built: in any parts, on threads or workers, in a folder or in a bucket.

With every change a cover of the pairs, on the quickstart; all ways, and larger recipes, in a step of `.ci/nightly` of their own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks import yisang_scale
from benchmarks.spine import RECIPE
from runtime.store.bucket import Bucket
from runtime.store.location import cache_root, is_url
from tests.buckets import make_bucket, serving
from tests.conftest import Project
from tests.test_in_parts import QUICKSTART
from tests.test_yisang_scale import PERCENT, few  # noqa: F401 - a fixture

ray = pytest.importorskip("ray", reason="ray is not installed: pip install 'data-recipe[ray]'")


class Way(NamedTuple):
    """How a recipe is built."""

    parts: int
    threads: int
    engine: str
    store: str


WAYS = [Way(*each) for each in product((1, 4, 16, 256), (1, 2, 4), ("local", "ray"), ("folder", "s3"))]
#: With what test_in_parts (parts and threads), test_executors (parts on Ray) and test_shared (S3) build, every pair is tried.
EACH_CHANGE = [Way(4, 1, "ray", "s3"), Way(16, 2, "ray", "s3"), Way(1, 4, "local", "s3")]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, serving(patch) as url:
        make_bucket(url, "ways")
        yield "s3://ways"


@pytest.fixture(scope="module", autouse=True)
def cluster(bucket: str) -> Iterator[None]:
    """Two workers, to which this process belongs; they know of the bucket by its environment."""
    from runtime.executors.temporary import temporary_folder

    with pytest.MonkeyPatch.context() as patch, temporary_folder() as folder:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RECIPE_CACHE", str(folder / "caches"))
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "CRITICAL"}
        ray.init(address="local", num_cpus=2, object_store_memory=80 << 20, _temp_dir=str(folder), **quiet)
        yield
        ray.shutdown()


Built = Callable[[Way, Project, str], str]


@pytest.fixture
def digest(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Built:
    """The digest of the first output of a recipe that is built in some way, cold."""

    def build(way: Way, project: Project, recipe: str, *arguments: str) -> str:
        monkeypatch.setenv("RECIPE_PARTS", str(way.parts))
        monkeypatch.setenv("RECIPE_THREADS", str(way.threads))
        name = f"{abs(hash(request.node.nodeid))}-{'-'.join(map(str, way))}"
        store = f"{bucket}/{name}" if way.store == "s3" else str(tmp_path / name)
        told = project.build(recipe, "--engine", way.engine, "--show-restricted", *arguments, store=store)
        assert not told["reused"]
        remove(store)
        found: str = told["outputs"][0]["digest"]
        return found

    return build


def remove(store: str) -> None:
    """All ways at once would take what memory and disk there is."""
    shutil.rmtree(cache_root() if is_url(store) else store)
    if is_url(store):
        bucket = Bucket(store)
        for item in list(bucket.list("")):
            bucket.delete(item.path)


def ways(*more: Way) -> list[object]:
    """All of them at night, some with every change."""
    return [way if way in more else pytest.param(way, marks=pytest.mark.everywhere) for way in WAYS]


@pytest.mark.parametrize("way", ways(*EACH_CHANGE), ids=lambda way: "-".join(map(str, way)))
def test_the_quickstart_has_its_digest(way: Way, digest: Built, project: Project) -> None:
    assert digest(way, project, QUICKSTART).startswith("b4b1ce25c59e")


@pytest.mark.everywhere
def test_four_hundred_thousand_real_rows_have_one_digest(digest: Built, data: Path, project: Project) -> None:
    (project.folder / "rows.parquet").symlink_to((data / "nsmc" / "reviews.parquet").resolve())
    project.write("recipe.yaml", RECIPE)
    allowed = ("--allow-path", str(data.resolve()))
    found = {way: digest(way, project, "recipe.yaml", *allowed) for way in WAYS}  # type: ignore[call-arg]
    assert set(found.values()) == {found[WAYS[0]]}


@pytest.mark.everywhere
def test_traces_that_are_decontaminated_and_mixed_have_one_digest(
    digest: Built,
    few: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    yisang_scale.measure(few, tmp_path, PERCENT, "2GB", 1, tokens=False)  # writes the files and recipes of all stages
    project = Project(tmp_path)
    allowed = ("--allow-path", os.path.realpath(few), "--allow-path", str(few))
    found = {way: digest(way, project, "dataset.yaml", *allowed) for way in WAYS}  # type: ignore[call-arg]
    assert set(found.values()) == {found[WAYS[0]]}
