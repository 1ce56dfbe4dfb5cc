"""Files of every kind that a source may be, of so many bytes, with a recipe for each: what the bound of memory is tried with."""

from __future__ import annotations

import json
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

RECIPE = """\
format: 1
recipe: bench/bound
language: {target: ko, anchor: en}
sources: {rows: {file: FILE, category: daily, license: A, SAID}}
FILTERS"""
PROMPTS = "prompts: [{language_share: {of: target, min: 0.3}}, {unique: {normalise: []}}]\n"
TALKS = "prompts: [{length: {in: messages, min: 10, max: 100000}}, {unique: {by: messages}}]\n"
REVIEW = "columns: {prompt: review}"
QUESTION = 'columns: {prompt: {template: "{..context}\\n\\n{question}"}}'
DEEP = f'records: "data[].paragraphs[].qas[]", {QUESTION}'
PAGES = "pages: {rows: article, fields: {body: .body}}, columns: {prompt: body}"
TALK = "columns: {messages: messages, tools: tools}"
ALL = 1 << 30
ASKED = {"type": "object", "properties": {"q": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": ASKED}}]
Rows = Iterator[str]


def texts_of(reviews: Path, size: int, each: int = 10_000) -> Rows:
    """Texts of so many bytes each, of real reviews, no two alike, until they have `size` bytes together."""
    import pyarrow.parquet as pq

    column = pq.read_table(reviews, columns=["review"]).column("review")
    chance = random.Random(7)
    pool = [text for text in chance.sample(column.to_pylist(), 20_000) if text]
    per = max(1, each // 85)
    longer = [" ".join(chance.choices(pool, k=per)) for _ in range(2_000)]
    held = number = 0
    while held < size:
        text = f"{number} {longer[number % 2_000]} {chance.choice(pool)}"
        held, number = held + len(text.encode()), number + 1
        yield text


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def write_lines(path: Path, lines: Iterator[str], encoding: str = "utf-8") -> None:
    with path.open("w", encoding=encoding) as file:
        file.writelines(f"{line}\n" for line in lines)


def review(text: str) -> str:
    return as_json({"review": text})


def write_array(path: Path, texts: Rows) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{'[' if at == 0 else ','}\n{as_json({'review': text})}" for at, text in enumerate(texts))
        file.write("\n]\n")


def paragraph(text: str) -> dict[str, Any]:
    """A text with two questions about it."""
    return {"context": text, "qas": [{"question": f"{which} {text[:40]}"} for which in ("누가", "무엇을")]}


def write_object(path: Path, texts: Rows) -> None:
    """One big object, as SQuAD is."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{"version": "1", "data": [')
        file.writelines(f"{',' * (at > 0)}\n{as_json({'paragraphs': [paragraph(text)]})}" for at, text in enumerate(texts))
        file.write("]}\n")


def write_objects(path: Path, texts: Rows) -> None:
    """Many such objects, a line each."""
    write_lines(path, (as_json({"data": [{"paragraphs": [paragraph(text)]}]}) for text in texts))


def write_parquet(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """All rows in one group, as most writers have it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    batches = [pa.RecordBatch.from_pylist([row, *islice(rows, 1_999)]) for row in rows]
    pq.write_table(pa.Table.from_batches(batches), str(path), row_group_size=ALL, use_dictionary=False)


def write_archive(path: Path, texts: Rows) -> None:
    """Members of some 100 MB."""
    member = path.with_name("member.jsonl")
    lines, at = map(review, texts), 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) if path.suffix == ".zip" else tarfile.open(
        path, "w:gz", compresslevel=1
    ) as archive:
        while some := [*islice(lines, 10_000)]:
            write_lines(member, iter(some))
            add = archive.write if isinstance(archive, zipfile.ZipFile) else archive.add
            add(str(member), f"data/{at}.jsonl")
            at += 1
    member.unlink()


def write_workbooks(path: Path, texts: Rows) -> None:
    """Workbooks with 20,000 rows of some 10 KB, as spreadsheets write them: the texts in a part of their own."""
    at = 0
    while some := [*islice(texts, 20_000)]:
        write_workbook(path.with_name(f"rows{at}.xlsx"), ["review", *some])
        at += 1


def write_workbook(path: Path, cells: list[str]) -> None:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    related = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{packed}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kinds}.sharedStrings+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{packed}/relationships"><Relationship Id="rId1" '
        f'Type="{related}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{related}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packed}/relationships">'
        f'<Relationship Id="rId1" Type="{related}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{related}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>'
        + "".join(f'<row r="{at + 1}"><c r="A{at + 1}" t="s"><v>{at}</v></c></row>' for at in range(len(cells)))
        + "</sheetData></worksheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">'
        + "".join(f"<si><t>{escape(cell)}</t></si>" for cell in cells)
        + "</sst>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def write_warc(path: Path, texts: Rows) -> None:
    """Pages of one article each."""
    with path.open("wb") as file:
        for at, text in enumerate(texts):
            page = f"<html><body><article><div class=body>{escape(text)}</div></article></body></html>".encode()
            sent = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page
            head = (
                f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{at:032x}>\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
                f"WARC-Target-URI: https://kin.example/{at}\r\nContent-Type: application/http; msgtype=response\r\n"
                f"Content-Length: {len(sent)}\r\n\r\n"
            )
            file.write(head.encode() + sent + b"\r\n\r\n")


def talk(text: str) -> dict[str, Any]:
    """A conversation with a call, of which the text is what the assistant says."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": as_json({"q": text[:40]})}}
    turns = [
        {"role": "user", "content": text[:400], "tool_calls": None, "tool_call_id": None},
        {"role": "assistant", "content": None, "tool_calls": [call], "tool_call_id": None},
        {"role": "tool", "content": text[400:800], "tool_calls": None, "tool_call_id": "c1"},
        {"role": "assistant", "content": text, "tool_calls": None, "tool_call_id": None},
    ]
    return {"messages": turns, "tools": as_json(TOOLS)}


KINDS: dict[str, tuple[str, str, str, Callable[[Path, Rows], None]]] = {
    "lines": ("rows.jsonl", REVIEW, PROMPTS, lambda path, texts: write_lines(path, map(review, texts))),
    "array": ("rows.json", REVIEW, PROMPTS, write_array),
    "object": ("rows.json", DEEP, PROMPTS, write_object),
    "objects": ("rows.jsonl", DEEP, PROMPTS, write_objects),
    "group": ("rows.parquet", REVIEW, PROMPTS, lambda path, texts: write_parquet(path, ({"review": each} for each in texts))),
    "structs": (
        "rows.parquet",
        'records: "paragraphs[].qas[]", ' + QUESTION,
        PROMPTS,
        lambda path, texts: write_parquet(path, ({"paragraphs": [paragraph(each)]} for each in texts)),
    ),
    "zip": ("rows.zip", REVIEW, PROMPTS, write_archive),
    "tar": ("rows.tar.gz", REVIEW, PROMPTS, write_archive),
    "workbooks": ("rows*.xlsx", REVIEW, PROMPTS, write_workbooks),
    "warc": ("rows.warc", PAGES, PROMPTS, write_warc),
    "text": ("rows.txt", "columns: {prompt: .}", PROMPTS, write_lines),
    "utf16": (
        "rows.txt",
        "encoding: utf-16-le, columns: {prompt: .}",
        PROMPTS,
        lambda path, texts: write_lines(path, texts, "utf-16-le"),
    ),
    "csv": ("rows.csv", REVIEW, PROMPTS, lambda path, texts: write_csv(path, texts)),
    "talks": ("rows.jsonl", TALK, TALKS, lambda path, texts: write_lines(path, (as_json(talk(each)) for each in texts))),
    "turns": ("rows.parquet", TALK, TALKS, lambda path, texts: write_parquet(path, map(talk, texts))),
    "personal": (
        "rows.txt",
        "columns: {prompt: .}",
        "prompts: [{mask_personal_data: {}}]\n",
        lambda path, texts: write_lines(path, (f"{each} 010-1234-{at % 9000 + 1000}" for at, each in enumerate(texts))),
    ),
    "identified": ("rows.txt", "columns: {prompt: .}", "prompts: [{language: {of: target}}]\n", write_lines),
    "near": ("rows.txt", "columns: {prompt: .}", "prompts: [{near_duplicates: {max_share: 1}}]\n", write_lines),
}
#: Bytes of a text, where they are not 10,000.
EACH = {"warc": 100_000, "identified": 100, "near": 100}


def write_csv(path: Path, texts: Rows) -> None:
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["review"])
        writer.writerows([text] for text in texts)


def laid_out(folder: Path, reviews: Path, kind: str, size: int) -> int:
    """A recipe and its files in a folder, with texts of so many bytes; says how many texts."""
    name, said, filters, write = KINDS[kind]
    (folder / "recipe.yaml").write_text(RECIPE.replace("FILE", f'"{name}"').replace("SAID", said).replace("FILTERS", filters))
    texts, numbers = texts_of(reviews, size, EACH.get(kind, 10_000)), count()
    write(folder / name.replace("*", ""), (text for text, _ in zip(texts, numbers, strict=False)))
    return next(numbers)
