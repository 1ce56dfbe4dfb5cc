"""Datasets of the hub: the commit that a revision stands for today, and the files of a configuration's split in it."""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from operators.declared.address import Hub
from operators.declared.source import COMPRESSIONS, FORMATS
from runtime.sources.remote.buckets import globbed, is_glob
from runtime.sources.remote.download import TRIES, Wanted
from runtime.sources.remote.http import Access, Unanswered, asking
from runtime.store.store import StoreError

MOST = 64 << 20
"""Bytes of what the hub says of a dataset."""
COMMIT = re.compile("[0-9a-f]{40}")
#: What files of a split are called, as the library `datasets` reads names.
SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}


def hub_access(opened: frozenset[str]) -> Access:
    """The hub that the environment names, and the user's token for it."""
    try:
        from huggingface_hub import constants, get_token
    except ModuleNotFoundError:
        raise StoreError("datasets of the hub need `huggingface_hub`", "pip install 'data-recipe[hub]'") from None
    return Access(opened, (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/"), get_token())


def address_of(dataset: str, commit: str, path: str) -> str:
    """A file of a commit, as the lock has it."""
    return f"hf://datasets/{dataset}@{commit}/{path}"


def part_of(hub: Hub, address: str) -> tuple[str, str] | None:
    """(commit, path) of a file of the hub by what the lock calls it.

    None for one of another dataset, of another commit than the recipe says, or that `files` does not lead to.
    """
    found = re.fullmatch(re.escape(f"hf://datasets/{hub.dataset}@") + "([0-9a-f]{40})/(.+)", address)
    if found is None or not sound(found[2]) or (COMMIT.fullmatch(hub.revision) and hub.revision != found[1]):
        return None
    return None if hub.files is not None and not [*chosen(hub, [found[2]], {})] else (found[1], found[2])


def wanted_at(hub: Hub, address: str, access: Access, **known: Any) -> Wanted | None:
    """A file of the hub by what the lock calls it; None for one that the recipe does not lead to."""
    found = part_of(hub, address)
    if found is None:
        return None
    from huggingface_hub import hf_hub_url

    url = hf_hub_url(hub.dataset, found[1], repo_type="dataset", revision=found[0], endpoint=access.endpoint)
    return Wanted(address, url, **known)


def sound(path: str) -> bool:
    """Whether a path of a dataset is one that can be said in an address."""
    return path.isprintable() and not {"?", "#", "\\"} & {*path} and {"", ".", ".."}.isdisjoint(path.split("/"))


def list_hub(hub: Hub, access: Access) -> list[Wanted]:
    """The files of a split at the commit that its revision stands for now. Raises StoreError where there is none."""
    said = ask(hub, access)
    commit = str(said.get("sha"))
    if not COMMIT.fullmatch(commit):
        raise StoreError(f"the hub names no commit of `{hub.dataset}@{hub.revision}`", "look at HF_ENDPOINT")
    if COMMIT.fullmatch(hub.revision) and commit != hub.revision:
        raise StoreError(f"the hub gives another commit of `{hub.dataset}` than {hub.revision[:12]}", "look at HF_ENDPOINT")
    siblings = [each for each in said.get("siblings") or () if isinstance(each, dict)]
    files = {str(each["rfilename"]): each for each in siblings if sound(str(each.get("rfilename") or ""))}
    names = chosen_of(hub, said, files)
    if not names:
        data = [name for name in sorted(files) if is_data(name)]
        listed = ", ".join(data[:8]) + (", ..." if len(data) > 8 else "")
        hint = "say them with `files:`" + (f"; there is {listed}" if listed else "; it has none that are read here")
        what = (
            f"`{hub.files}`"
            if hub.files is not None
            else f"the split `{hub.split}`" + (f" of `{hub.config}`" if hub.config else "")
        )
        raise StoreError(f"`{hub.dataset}@{commit[:12]}` has no files of {what}", hint)
    found = []
    for name in names:
        lfs, blob, size = (files[name].get(each) for each in ("lfs", "blobId", "size"))
        known = {"sha256": str(lfs["sha256"])} if isinstance(lfs, dict) and lfs.get("sha256") else {"blob": str(blob)}
        if known == {"blob": "None"} or not isinstance(size, int):
            raise StoreError(f"the hub says no digest of `{name}` in `{hub.dataset}`", "look at HF_ENDPOINT")
        one = wanted_at(hub, address_of(hub.dataset, commit, name), access, size=size, **known)
        assert one is not None
        found.append(one)
    return found


def chosen_of(hub: Hub, said: Mapping[str, Any], files: Iterable[str]) -> list[str]:
    """The files of a split among those of a commit, by its card."""
    card = said.get("cardData")
    return list(chosen(hub, sorted(files), card if isinstance(card, dict) else {}))


def ask(hub: Hub, access: Access) -> Mapping[str, Any]:
    """What the hub says of a dataset at a revision, with the digests of its files."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise StoreError(f"`{hub.address}` is not fetched: HF_HUB_OFFLINE is set", "unset it, or fetch where there is a network")
    # Not by the library's own client: redirects of that one lead anywhere.
    url = f"{access.endpoint}/api/datasets/{hub.dataset}/revision/{quote(hub.revision, safe='')}?blobs=true"
    for tries in range(TRIES):
        try:
            with asking(url, access, {}) as answer:
                if answer.status in (429, 500, 502, 503, 504):
                    raise Unanswered(f"answers with HTTP {answer.status}")
                return read_answer(hub, answer.status, body_of(answer))
        except Unanswered as error:
            if tries + 1 == TRIES or error.final:
                host = urlsplit(access.endpoint or "").hostname
                raise StoreError(
                    f"`{hub.dataset}` cannot be fetched: the hub at `{host}` {error}", "run the same command again later"
                ) from None
            pause(tries)
    raise AssertionError("the last try raises")


def body_of(answer: http.client.HTTPResponse) -> bytes:
    """What the hub says, if it is well. Raises Unanswered."""
    try:
        return answer.read(MOST + 1) if answer.status == 200 else b""
    except (OSError, http.client.HTTPException):
        raise Unanswered("ends before its end") from None


def read_answer(hub: Hub, status: int, body: bytes) -> Mapping[str, Any]:
    if status in (401, 403, 404):
        # The hub says 401 of what is not there, so that nobody learns of private datasets.
        message = f"the hub has no dataset `{hub.dataset}` at `{hub.revision}` that you may read (HTTP {status})"
        raise StoreError(
            message, "look at its name and revision; for a gated one accept its terms, and put your token into HF_TOKEN"
        )
    try:
        said = json.loads(body) if status == 200 and len(body) <= MOST else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise StoreError(f"the hub says nothing that can be read of `{hub.dataset}` (HTTP {status})", "look at HF_ENDPOINT")
    return said


def pause(tries: int) -> None:
    import time

    from runtime.sources.remote.download import BACKOFF_SECONDS

    time.sleep(BACKOFF_SECONDS * 2**tries)


def is_data(name: str) -> bool:
    """Whether a file is of a kind that is read here; text beside data is a note, and is read where `files` names it."""
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    return name.rpartition(".")[2] in {*FORMATS} - {"txt"} and not name.rpartition("/")[2].startswith(".")


def chosen(hub: Hub, names: list[str], card: Mapping[str, Any]) -> Iterator[str]:
    """The files of a split, in order: those that are said, those that the dataset's card says, or by what they are called."""
    if hub.files is not None:
        yield from globbed(hub.files, names) if is_glob(hub.files) else (name for name in names if name == hub.files)
        return
    told = card.get("configs")
    configs = [each for each in (told if isinstance(told, list) else ()) if isinstance(each, dict) and "data_files" in each]
    if configs:
        yield from by_card(hub, names, configs)
        return
    inner = [name for name in names if is_data(name)]
    if hub.config not in (None, "default"):
        inner = [name for name in inner if hub.config in (*name.split("/")[:-1], name.rpartition("/")[2].partition(".")[0])]
    said = {name: split_of(name) for name in inner}
    if any(said.values()):
        wanted = next((split for split, words in SPLITS.items() if hub.split in words), hub.split)
        yield from (name for name in inner if said[name] == wanted)
    elif hub.split == "train":  # whose files say nothing of splits is all of it
        yield from inner


def by_card(hub: Hub, names: list[str], configs: list[dict[str, Any]]) -> Iterator[str]:
    """The files that a dataset's card declares: `data_files` of a configuration, in any of the forms that it takes."""
    default = next((each for each in configs if each.get("default") is True), None)
    default = default or next(
        (each for each in configs if each.get("config_name") == "default"), configs[0] if len(configs) == 1 else None
    )
    named = next((each for each in configs if str(each.get("config_name")) == hub.config), None)
    config = named if hub.config is not None else default
    if config is None:
        listed = ", ".join(str(each.get("config_name")) for each in configs)[:400]
        what = f"no configuration `{hub.config}`" if hub.config is not None else "several configurations"
        raise StoreError(f"`{hub.dataset}` has {what}", f"say `config:` with one of {listed}")
    said, folder = config["data_files"], str(config.get("data_dir") or "").strip("/")
    if isinstance(said, str) or (isinstance(said, list) and all(isinstance(each, str) for each in said)):
        said = {"train": said}
    if isinstance(said, list):
        said = {str(each.get("split")): each.get("path") for each in said if isinstance(each, dict)}
    paths = said.get(hub.split) if isinstance(said, dict) else None
    patterns = [str(each) for each in (paths if isinstance(paths, list) else [paths] if paths else ())]
    globs = [f"{folder}/{each}" if folder else each.removeprefix("./") for each in patterns]
    some = {name for glob in globs for name in globbed(glob, names)}
    yield from (name for name in names if name in some)


def split_of(name: str) -> str | None:
    """The split that a file's name or one of its folders says."""
    for part in reversed(name.split("/")):
        words = re.split(r"[^a-z]+", part.lower())
        found = next((split for split, known in SPLITS.items() if not {*known}.isdisjoint(words)), None)
        if found is not None:
            return found
    return None
