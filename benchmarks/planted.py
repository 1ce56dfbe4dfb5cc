"""How many numbers of persons are found that were planted into texts, and what is found where none are: needs python-stdnum.

python-stdnum makes identity numbers with the right check digits, of which none is asked whose it is. Rows of `../shared/data` are
looked through besides; what is found there was read by a person, and is printed only with `--show`.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from stdnum import luhn, verhoeff
from stdnum.kr import rrn
from stdnum.th import pin
from stdnum.tr import tckimlik

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
sys.path.insert(0, str(ROOT))

from operators.declared.profile import LanguageProfile  # noqa: E402
from operators.kernels.personal import KINDS, Rule, places_in, rules_of  # noqa: E402

CHANCE = random.Random(7)
AROUND = {
    "ko": ["제 번호는 {}입니다", "{}", "연락처: {}, 오후에", "참고({})를 보세요."],
    "th": ["หมายเลข {} ครับ", "{}", "เบอร์{}นะ"],
    "tr": ["Numaram {}.", "{}", "no: {}, öğleden sonra"],
    "hi": ["नंबर {} है", "{}", "({})", "संख्या: {}।"],
    "vi": ["Số của tôi là {}.", "{}", "liên hệ: {}, chiều"],
}


def digits(count: int) -> str:
    return "".join(CHANCE.choice("0123456789") for _ in range(count))


def bare_id(language: str) -> str:
    """An identity number as its registers write it."""
    match language:
        case "ko":
            day = (
                f"{CHANCE.randint(50, 99)}{CHANCE.randint(1, 12):02d}{CHANCE.randint(1, 28):02d}{CHANCE.choice('12')}{digits(5)}"
            )
            return day + rrn.calc_check_digit(day)
        case "th":
            body = CHANCE.choice("12345678") + digits(11)
            return body + pin.calc_check_digit(body)
        case "tr":
            body = CHANCE.choice("123456789") + digits(8)
            return body + tckimlik.calc_check_digits(body)
        case "hi":
            body = CHANCE.choice("23456789") + digits(10)
            return body + verhoeff.calc_check_digit(body)
    return f"{CHANCE.randint(1, 96):03d}{CHANCE.choice('0123')}{digits(8)}"


def written_id(language: str) -> str:
    """The same with the signs that people write between."""
    bare = bare_id(language)
    cuts = {"ko": (6,), "th": (1, 5, 10, 12), "hi": (4, 8)}.get(language, ())
    sign = CHANCE.choice(["", "-", " "] if language != "ko" else ["", "-"])
    parts = [bare[start:end] for start, end in zip((0, *cuts), (*cuts, len(bare)), strict=True)]
    return sign.join(parts)


def phone(language: str) -> str:
    sign = CHANCE.choice(["-", " ", ""] if language != "tr" else [" ", ""])
    forms = {
        "ko": [f"010{sign}{CHANCE.randint(2000, 9999)}{sign}{digits(4)}", f"02-{CHANCE.randint(200, 999)}-{digits(4)}"],
        "th": [f"08{digits(1)}{sign}{digits(3)}{sign}{digits(4)}", f"02-{digits(3)}-{digits(4)}"],
        "tr": [f"053{digits(1)}{sign}{digits(3)}{sign}{digits(2)}{sign}{digits(2)}", f"0212 {digits(3)} {digits(2)} {digits(2)}"],
        "hi": [f"0{CHANCE.randint(6, 9)}{digits(9)}", f"{CHANCE.randint(6, 9)}{digits(4)}-{digits(5)}"],
        "vi": [f"09{digits(1)}{sign}{digits(3)}{sign}{digits(4)}", f"(028) 3{digits(3)} {digits(4)}"],
    }
    code = {"ko": "82 10", "th": "66 8", "tr": "90 53", "hi": "91 9", "vi": "84 9"}[language]
    return CHANCE.choice([*forms[language], f"+{code}{digits(1)} {digits(3)} {digits(4)}"])


def card() -> str:
    body = "4" + digits(14)
    whole = body + luhn.calc_check_digit(body)
    return CHANCE.choice(["", " ", "-"]).join(whole[at : at + 4] for at in range(0, 16, 4))


def wrong_id(language: str) -> str:
    """One whose last digit is another; a Vietnamese number without the form of one."""
    bare = bare_id(language)
    return (
        f"{CHANCE.randint(1, 9)}{digits(11)}"
        if language == "vi"
        else bare[:-1] + str((int(bare[-1]) + CHANCE.randint(1, 9)) % 10)
    )


def other_number() -> str:
    """What people write that is no number of a person."""
    day = f"{CHANCE.randint(1990, 2030)}-{CHANCE.randint(1, 12):02d}-{CHANCE.randint(1, 28):02d}"
    return CHANCE.choice(
        [
            *(f"{day} {CHANCE.randint(0, 23):02d}:{CHANCE.randint(0, 59):02d}", f"3.{digits(12)}", "978" + digits(10)),
            *(f"{CHANCE.randint(1, 9)}{digits(2)},{digits(3)},{digits(3)}", ".".join(digits(3) for _ in range(4))),
            *(f"a{digits(11)}f", f"{day.replace('-', '')}{digits(4)}", f"{CHANCE.randint(1, 9)}{digits(15)}"),
            *(
                f"{CHANCE.randint(1000, 9999)} {CHANCE.randint(1000, 9999)}",
                f"ISBN 978-{digits(1)}-{digits(4)}-{digits(4)}-{digits(1)}",
            ),
            f"{CHANCE.randint(1000, 2030)}-{CHANCE.randint(1000, 9999)}-{CHANCE.randint(1000, 9999)}",
        ]
    )


def rules(language: str) -> list[Rule]:
    said = yaml.safe_load((ROOT / f"recipes/languages/{language}.yaml").read_text("utf-8"))
    return rules_of(KINDS, [LanguageProfile.model_validate(said).entry("personal_data")])


def found(language: str, numbers: list[str]) -> list[list[tuple[str, str]]]:
    """(kind, text) of what is found in a sentence with each number."""
    texts = [CHANCE.choice(AROUND[language]).format(number) for number in numbers]
    places = places_in(pa.array(texts), rules(language))
    return [[(kind, text[start:end]) for start, end, kind in places.get(row, [])] for row, text in enumerate(texts)]


def lines_of(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.readlines()


def real_texts() -> Iterator[tuple[str, str, list[str]]]:
    """(language, name, texts) of some of the real data."""
    yield "ko", "reviews", pq.read_table(DATA / "nsmc/reviews.parquet").column("review").to_pylist()
    petitions = sorted((DATA / "petitions").glob("*.jsonl.gz"))
    yield "ko", "petitions", [json.loads(line)["content"] for path in petitions for line in lines_of(path)]
    csv.field_size_limit(1 << 30)
    with open(DATA / "naver_kin/alert_data.csv", encoding="utf-8") as file:
        yield "ko", "answers of vets", [f"{row['question']} {row['answer']}" for row in csv.DictReader(file)]
    traces = pq.read_table(DATA / "puzzle_traces/ko_deepseek-v4-flash.parquet")
    yield "ko", "long traces", traces.column("thinking_content").to_pylist()
    yield "vi", "exam items", lines_of(DATA / "vnhsge/vnhsge.jsonl.gz")
    for code in ("th", "hi", "vi", "tr", "en"):
        articles = json.loads((DATA / f"xquad/xquad.{code}.json").read_text("utf-8"))["data"]
        yield code, f"paragraphs, {code}", [part["context"] for article in articles for part in article["paragraphs"]]


def main(show: bool) -> None:
    """Print both tables."""
    for language in AROUND:
        told = []
        for kind, numbers in (
            ("id", [written_id(language) for _ in range(300)]),
            ("phone", [phone(language) for _ in range(300)]),
            ("card", [card() for _ in range(200)]),
        ):
            right = sum([known for known, _ in each] == [kind] for each in found(language, numbers))
            told.append(f"{kind} {right} of {len(numbers)}")
        for name, numbers in (
            ("wrong check digit", [wrong_id(language) for _ in range(300)]),
            ("other numbers", [other_number() for _ in range(600)]),
        ):
            told.append(f"{name} {sum(map(bool, found(language, numbers)))} of {len(numbers)}")
        print(language, "; ".join(told))
    for language, name, texts in real_texts():
        start = time.perf_counter()
        column = pa.array([text or "" for text in texts], pa.large_string())
        places = places_in(column, rules(language))
        seconds = time.perf_counter() - start
        size, many = sum(len(text or "") for text in texts) / 1e6, sum(map(len, places.values()))
        print(f"{name}: {many} in {len(texts):,} texts, {size:.1f} M characters, {seconds:.2f} s")
        for row, each in places.items() if show else ():
            print("   ", [(kind, column[row].as_py()[start:end]) for start, end, kind in each])


if __name__ == "__main__":
    main("--show" in sys.argv[1:])
