"""Mutants of small files of every kind that a source reads: each by its number, the same on every machine."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import random
import re
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.crawling import crawl
from tests.mutants import places
from tests.packing import tarred, workbook, zipped

COUNT = 12
#: How the reader numbers what it reads: by line, by element from the second line on, by record of a crawl, or not by bytes.
LINE, ELEMENT, RECORD, WHOLE = "line", "element", "record", "whole"
STRUCTURE = b'"\\[]{},:'
PAGES = {"rows": ".post", "fields": {"title": "h1", "text": "p", "id": {"attribute": "id"}}}
POST = '<html><body><div class="post" id="p{0}"><h1>제목 {0}</h1><p>text of {0}<br>more</p></div></body></html>'


@dataclass(frozen=True, eq=False)
class Seed:
    """A file that is read without fault, and what a source says of it."""

    name: str
    content: bytes
    source: Mapping[str, Any]
    unit: str = WHOLE
    reaching: bytes = b""
    """Bytes with which a change may reach beyond the unit that it stands in."""
    parse: bool = False
    """Whether each line is an object whose `t` is the prompt, as any reader of JSON has it."""


@dataclass(frozen=True)
class Mutant:
    """Bytes in the place of those of a seed."""

    number: int
    seed: Seed
    content: bytes
    how: tuple[str, ...] = field(default=())


def lines_of(values: list[Any]) -> str:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in values)


def parquet_of(values: list[dict[str, Any]], **more: Any) -> bytes:
    sink = io.BytesIO()
    # No version of the writer: what is mutated is the same wherever it is written.
    pq.write_table(pa.Table.from_pylist(values), sink, row_group_size=5, write_page_checksum=True, **more)
    return sink.getvalue()


def arrow_of(values: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    table = pa.Table.from_pylist(values)
    with pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    return sink.getvalue()


def packed(pack: Callable[..., Path], name: str, *entries: tuple[str, str, int]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return pack(Path(folder) / name, *entries).read_bytes()


def sheet_of(rows: list[list[object]]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return workbook(Path(folder) / "x.xlsx", one=rows).read_bytes()


def zst(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(data)
    return bytes(sink.getvalue())


def asked(within: str) -> list[dict[str, Any]]:
    return [{"id": f"{within}{q}", "question": f"왜 {q}?", "answers": [{"text": "답"}]} for q in range(2)]


@cache
def seeds() -> tuple[Seed, ...]:
    """One file of every kind, by name in their order."""
    rows = [
        {"t": f'물은 {at}도에서 "왜" 끓나요?', "n": at, "x": {"a": [at, None, 0.5]}, "b": at % 2 == 0} for at in range(COUNT)
    ]
    flat = {"columns": {"prompt": "t", "n": {"field": "n", "as": "integer"}, "x": {"field": "x", "as": "json"}}}
    plain = lines_of(rows)
    exams = [{"q": f"질문 {at}", "c": [f"하나{at}", "둘", "셋", "넷"], "k": "ABCD"[at % 4], "at": at % 4} for at in range(COUNT)]
    exam = {"columns": {"prompt": "q", "options": "c", "gold": {"letter": "k"}}}
    nested = {
        "data": [
            {"title": f"제목 {d}", "paragraphs": [{"context": f"글 {d}{p}", "qas": asked(f"{d}{p}")} for p in range(2)]}
            for d in range(3)
        ]
    }
    inside = {
        "records": "data[].paragraphs[].qas[]",
        "columns": {"prompt": {"template": "{..context}\n\n{question}"}, "id": "id", "title": ".....title"},
    }
    keyed = {f"k{at}": {"question": f"왜 {at}?", "n": at} for at in range(COUNT)}
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"b": 1, "a": null}'}}
    talks = [
        {
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": f"질문 {at}"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c1", "content": "r"},
                {"role": "assistant", "content": f"답 {at}"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"b": {"type": "string"}}}}}],
        }
        for at in range(COUNT)
    ]
    talk = {"columns": {"messages": "messages", "tools": "tools"}}
    shared = [{"c": [{"from": "human", "value": f"질문 {at}"}, {"from": "gpt", "value": "답"}], "s": "s"} for at in range(COUNT)]
    channels = [
        {
            "h": f"<|start|>user<|message|>질문 {at}<|end|><|start|>assistant<|channel|>analysis<|message|>hm<|end|>"
            '<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"b": 1}<|call|>'
            "<|start|>functions.f to=assistant<|channel|>commentary<|message|>r<|end|>"
            "<|start|>assistant<|channel|>final<|message|>답<|return|>"
        }
        for at in range(COUNT)
    ]
    cells = "t,n,o\n" + "".join(f"물 {at},{at},plain\n" for at in range(COUNT))
    quoted = "t,n,o\r\n" + "".join(f'"물, ""{at}""\n둘째 줄",{at},끝\r\n' for at in range(COUNT))
    typed = {"columns": {"prompt": "t", "n": {"field": "n", "as": "integer"}, "o": "o"}}
    options = "q\ta\tb\tc\tk\n" + "".join(f"질문 {at}\t하나{at}\t둘\t셋\t{at % 3 + 1}\n" for at in range(COUNT))
    halves = [("a/x.jsonl", lines_of(rows[:6]), 0), ("b/y.jsonl", lines_of(rows[6:]), 0)]
    pages = crawl([(f"https://a.example/{at}", POST.format(at)) for at in range(COUNT)])
    crawled = {"pages": PAGES, "columns": {"prompt": "text", "title": "title", "url": "url"}}
    found = [
        Seed("flat.jsonl", plain.encode(), flat, LINE, parse=True),
        Seed("talks.jsonl", lines_of(talks).encode(), talk, LINE),
        Seed("shared.jsonl", lines_of(shared).encode(),
             {"columns": {"messages": {"field": "c", "form": "sharegpt", "system": "s"}}}, LINE),
        Seed("channels.jsonl", lines_of(channels).encode(), {"columns": {"messages": {"field": "h", "form": "harmony"}}}, LINE),
        Seed("exam.jsonl", lines_of(exams).encode(), exam, LINE),
        Seed("nested.jsonl", lines_of([{"data": [each]} for each in nested["data"]]).encode(), inside, LINE),
        Seed("wide.jsonl", plain.encode("utf-16"), {**flat, "encoding": "utf-16"}),
        Seed("nested.json", json.dumps(nested, ensure_ascii=False, indent=1).encode(), inside),
        Seed("keyed.json", json.dumps(keyed).encode(), {"records": "{id}", "columns": {"prompt": "question", "id": "id"}}),
        Seed("array.json", b"[\n" + ",\n".join(json.dumps(each) for each in rows).encode() + b"\n]\n", flat, ELEMENT, STRUCTURE),
        Seed("lines.json", plain.encode(), flat, LINE, STRUCTURE),
        Seed("cells.csv", cells.encode(), typed, LINE, b'"'),
        Seed("quoted.csv", quoted.encode(), typed, LINE, b'"'),
        Seed("korean.csv", cells.encode("cp949"), {**typed, "encoding": "cp949"}, LINE, b'"'),
        Seed("options.tsv", options.encode(),
             {"columns": {"prompt": "q", "options": ["a", "b", "c"], "gold": {"number": "k"}}}, LINE),
        Seed("printed.csv", ("q,c,k\n" + "".join(f"질문{at},\"['a{at}', 'b', 'c']\",['b']\n" for at in range(COUNT))).encode(),
             {"columns": {"prompt": "q", "options": "c", "gold": {"text": "k"}}}, LINE, b'"'),
        Seed("lines.txt", "".join(f"{at}째 줄\n" for at in range(COUNT)).encode(), {"columns": {"prompt": "."}}, LINE),
        Seed("sheet.xlsx", sheet_of([["t", "n", "o"], *([f"물 {at}", at, "끝"] for at in range(COUNT))]), typed),
        Seed("flat.parquet", parquet_of(rows), flat),
        Seed("plain.parquet", parquet_of(rows, compression="none", use_dictionary=False, data_page_version="2.0"), flat),
        Seed("nested.parquet", parquet_of([{"data": [each]} for each in nested["data"]]), inside),
        Seed("talks.parquet", parquet_of(talks), talk),
        Seed("exam.parquet", parquet_of(exams), {"columns": {"prompt": "q", "options": "c", "gold": {"index": "at"}}}),
        Seed("rows.arrow", arrow_of(rows), {**flat, "format": "parquet"}),
        Seed("flat.jsonl.gz", gzip.compress(plain.encode(), mtime=0), flat),
        Seed("flat.jsonl.zst", zst(plain.encode()), flat),
        Seed("halves.zip", packed(zipped, "x.zip", *halves), flat),
        Seed("halves.tar", packed(tarred, "x.tar", *halves), flat),
        Seed("halves.tar.gz", packed(tarred, "x.tar.gz", *halves), flat),
        Seed("pages.warc", pages, crawled, RECORD),
        Seed("pages.warc.gz", gzip.compress(pages, mtime=0), crawled),
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda seed: seed.name))


TOKENS = {
    "json": r'{ } [ ] , : " \ \u0000 \ud800 \udc00 \uD83D NaN Infinity -0 1e999 1E-999 -1 null true 0x1 "t":1, '
    + '"t":"", {"t": [{ }] // <|start|> <|message|> <|end|> "role":"user" "from":"gpt" "content":[1] "tool_calls":[{}] '
    + '"arguments":"{" [[],[]] {"":{}} 𝔘',
    "csv": 'a , , ,, " "" """ ", ," ; \t \' [\'a\'] (None,) {} = =1+1 NaN 1e5 1.0 0001 ￼ true',
    "html": "<p> </p> <div <h1> </html> <!-- --> <script> <a href= &amp; &#0; &#xD800; <![CDATA[ ]]> <table> <svg> <template> "
    "%PDF- WARC/1.1 WARC/1.0 Content-Length: Content-Length:-1 Content-Length:99999999999999 HTTP/1.1 Transfer-Encoding:chunked "
    "Content-Encoding:gzip Content-Encoding:deflate WARC-Type:response WARC-Truncated:length "
    "charset=utf-7 charset=idna charset=\0",
}
BYTES = (
    b"\xff", b"\xc3", b"\xed\xa0\x80", b"\0", b"\0" * 8, b"\r", b"\n", b"\r\n", b"\n\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE,
    codecs.BOM_UTF32_BE, b"\xe2\x80\xa8", b"\xc2\x85", b"\x1a", b"\x0c", b"\x1c", b"\x7f", b"\x1b[31m", b"\xf4\x8f\xbf\xbf",
    b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x1f\x8b\x08", b"PAR1", b"PARE", b"\x28\xb5\x2f\xfd", b"ustar", b"ARROW1",
    b"[" * 3000, b'{"a":' * 1500, b"9" * 5000, b"-" + b"9" * 30, b"1e400", b"0." + b"0" * 400 + b"1", b"a" * 70000,
    b"<b>" * 3000, "가".encode() * 3000, "\u0301".encode() * 999,
)  # fmt: skip
EDGES: list[Any] = [
    None, True, False, 0, -1, 1.5, 2**63, -(2**63) - 1, 10**400, 1e308, "", " ", "\0", "\ud800", "A", "1", "[", "['a']", "{}",
    "가" * 500,
    [], {}, [[]], [None], [[[[[[[[{}]]]]]]]], {"": None}, {"a": {"a": {"a": []}}}, ["a", 1, None],
    "user", "tool", "assistant", "NaN",
]  # fmt: skip


def torn(content: bytes, chance: random.Random) -> bytes:
    """Bits flipped, bytes cut out, doubled, swapped, put in; the rest cut off."""
    made = bytearray(content)
    # What is at the end of Parquet and zip says where all else is.
    at = chance.randrange(len(made) + 1) if chance.random() < 0.6 else max(0, len(made) - chance.randrange(400))
    end = min(len(made), at + chance.choice((1, 1, 2, 4, 8, 60, 500)))
    match chance.randrange(9):
        case 0 | 1 | 2 if at < len(made):
            made[at] ^= 1 << chance.randrange(8)
        case 3:
            del made[at:end]
        case 4:
            made[at:at] = made[at:end] * chance.choice((1, 1, 40))
        case 5:
            return bytes(made[:at])
        case 6 if len(made) > 2 * (end - at) > 0:
            other = chance.randrange(len(made) - (end - at))
            made[at:end], made[other : other + end - at] = made[other : other + end - at], made[at:end]
        case 7:
            made[at : at + 4] = struct.pack("<I", chance.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(content))))
        case _:
            made[at:at] = bytes(chance.choices(range(256), k=end - at + 1))
    return bytes(made)


def put_in(content: bytes, chance: random.Random) -> bytes:
    """Bytes that mean something somewhere, in the place of some or between them."""
    at = chance.randrange(len(content) + 1) if chance.random() < 0.9 else 0
    return content[:at] + chance.choice(BYTES) + content[at + chance.choice((0, 0, 1, 4)) :]


def tokens(content: bytes, chance: random.Random) -> bytes:
    """A token of the format in the place of another."""
    kind = "html" if b"WARC" in content[:8] else "json" if content[:1] in (b"{", b"[") else "csv"
    found = list(re.finditer(rb'[\w.]+|"[^"\n]*"|[^\w\s]', content))
    token = chance.choice(TOKENS[kind].split()).replace(":", ": ", kind == "html").encode()
    if not found:
        return token
    place = chance.choice(found)
    return content[: place.start() if chance.random() < 0.7 else place.end()] + token + content[place.end() :]


def trees(content: bytes, chance: random.Random) -> bytes:
    """A value of JSON with another type, moved, dropped, or doubled by its key; of lines in one of them."""
    lines = content.split(b"\n")
    at = chance.randrange(len(lines))
    if whole := content[:1] in (b"[",) or content[:3] in (b'{"k', b'{\n '):
        lines, at = [content], 0
    try:
        tree = json.loads(lines[at])
    except (ValueError, RecursionError):
        return torn(content, chance)
    for _ in range(chance.choice((1, 1, 3))):
        if there := places(tree):
            change(*chance.choice(there), chance, there)
    try:
        # Some of it is written as no person does: all escapes, or keys apart from their colons.
        said = json.dumps(tree, ensure_ascii=chance.random() < 0.5, separators=chance.choice(((",", ":"), (" , ", " : "))))
    except (ValueError, RecursionError):
        return content
    if chance.random() < 0.2 and (keys := re.findall(r'"[a-z]+" ?:', said)):
        said = said.replace("{", "{" + chance.choice(keys) + "0,", 1)
    lines[at] = said.encode("utf-8", "surrogatepass")
    return b"\n".join(lines) + b"\n" * whole


def change(node: Any, key: Any, chance: random.Random, there: list[tuple[Any, Any]]) -> None:
    """One value of a tree."""
    if isinstance(node, list) and key >= len(node) or isinstance(node, dict) and key not in node:
        return
    value = node[key]
    match chance.randrange(6):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[f"{chance.choice(there)[1]}"] = node.pop(key)
        case 2:
            node[key] = [value] if chance.random() < 0.5 else {"a": value}
        case 3:
            node[key] = json.dumps(value)
        case _:
            node[key] = chance.choice(EDGES)


NAMES = (
    "../x.jsonl", "/etc/x.jsonl", "a/../../x.jsonl", "C:x.jsonl", "..\\x.jsonl", "a\0b.jsonl", "", ".", "..", "a/",
    "x" * 300 + ".jsonl", ".hidden.jsonl", "x.csv", "x.parquet", "x.jsonl.gz", "x", "가.jsonl", "x.zip", "\x1b[31m.jsonl",
    "a//b.jsonl", "\ud800.jsonl",
)  # fmt: skip
KINDS = (*(tarfile.REGTYPE,) * 4, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE, b"Z")
PACKINGS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def archives(content: bytes, chance: random.Random) -> bytes:
    """Another archive of the same kind: members with hostile names, links, devices, sizes that lie, and one that fills a disk."""
    if content[:2] == b"PK":
        return zips(content, chance)
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=chance.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))) as archive:
        for at in range(2):
            info = tarfile.TarInfo(chance.choice(NAMES).replace("\0", "") if chance.random() < 0.4 else f"{at}.jsonl")
            info.type = chance.choice(KINDS)
            info.linkname = chance.choice(NAMES).replace("\0", "") if info.type != tarfile.REGTYPE else ""
            body = b'{"t": "a"}\n' * chance.choice((0, 1, 50))
            info.size = len(body)
            if chance.random() < 0.2:
                info.pax_headers = {"path": chance.choice(NAMES), "size": chance.choice(("-1", "x", "99999999999"))}
            try:
                archive.addfile(info, io.BytesIO(body))
            except (ValueError, OSError):
                continue
    made = bytearray(sink.getvalue())
    if chance.random() < 0.4 and len(made) >= 512:
        # A size in its header that is not so, with the sum that makes the header whole.
        made[124:136] = chance.choice((b"77777777777\0", b"00000000001\0", b"-0000000001\0", b"\x80" + b"\0" * 3 + b"\xff" * 8))
        made[148:156] = b" " * 8
        made[148:156] = b"%06o\0 " % sum(made[:512])
    return gzip.compress(bytes(made), mtime=0) if content[:2] == b"\x1f\x8b" else bytes(made)


def zips(content: bytes, chance: random.Random) -> bytes:
    """The members of a zip, one of them changed, named otherwise, or called what it is not."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:  # noqa: BLE001 - it was torn before: whatever the library says of it
        return torn(content, chance)
    at = chance.randrange(len(members))
    name, body = members[at]
    if chance.random() < 0.75:
        body = chance.choice((torn, put_in, tokens, markup))(body, chance)
    else:
        name = chance.choice(NAMES).encode("utf-8", "replace").decode()
    members[at] = (name, body if chance.random() < 0.97 else b"0" * (90 << 20))
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", chance.choice(PACKINGS)) as out:
        for each, data in members:
            info = zipfile.ZipInfo(each)
            info.compress_type = out.compression if len(data) < 1 << 20 else zipfile.ZIP_DEFLATED
            info.external_attr = (chance.choice((0o100644,) * 9 + (0o120777, 0o020644, 0o010644))) << 16
            out.writestr(info, data)
    made = bytearray(sink.getvalue())
    if chance.random() < 0.3 and (found := made.rfind(b"PK\x01\x02")) >= 0:
        made[found + chance.choice((8, 10, 16, 20, 24, 28, 42))] ^= chance.choice((1, 8, 0x80, 0xFF))
    return bytes(made)


MARKUP = (
    b'<!DOCTYPE a [<!ENTITY b "c">]>', b"&b;", b"&#0;", b'r="XFD1048576"', b'r="A0"', b'r="-1"', b't="s"', b't="e"', b't="d"',
    b't="b"', b"<v>1e999</v>", b"<v>99999999999</v>", b"<v></v>", b'sheetId="x"', b"<f>1/0</f>", b'r="A1"', b'xmlns="x"',
    b"<c/>", b'<row r="99999999"/>',
)  # fmt: skip


def markup(content: bytes, chance: random.Random) -> bytes:
    """What parts of a workbook may say that nobody writes."""
    by = chance.choice(MARKUP)
    found = list(re.finditer(rb'r="[^"]*"|t="[^"]*"|<v>[^<]*</v>|>', content)) or list(re.finditer(b"$", content))
    place = chance.choice(found)
    return content[: place.start()] + (by + b">" * (place[0] == b">")) + content[place.end() :]


def inner(content: bytes, chance: random.Random) -> bytes:
    """What is packed in it changed, and packed again."""
    try:
        return gzip.compress(chance.choice((torn, put_in, tokens))(gzip.decompress(content), chance), mtime=0)
    except (OSError, EOFError, zlib.error):
        return torn(content, chance)


def changes(name: str) -> tuple[Callable[[bytes, random.Random], bytes], ...]:
    """What may be done to a file of this name."""
    ending = name.partition(".")[2]
    more: dict[str, tuple[Callable[[bytes, random.Random], bytes], ...]] = {
        **dict.fromkeys(("json", "jsonl"), (trees, trees, trees, tokens, put_in, put_in)),
        **dict.fromkeys(("csv", "tsv", "txt", "warc"), (tokens, tokens, put_in, put_in)),
        **dict.fromkeys(("zip", "xlsx", "tar", "tar.gz"), (archives, archives)),
        "xlsx": (zips, zips, zips),
        **dict.fromkeys(("jsonl.gz", "warc.gz"), (inner,)),
    }
    return (torn, torn, *more.get(ending, (put_in,)))


def mutant(number: int) -> Mutant:
    """The mutant of a number."""
    chance = random.Random(f"reader/{number}")
    seed = seeds()[number % len(seeds())]
    content, how = seed.content, []
    for _ in range(chance.choice((1, 1, 1, 1, 2, 4))):
        change = chance.choice(changes(seed.name))
        how.append(change.__name__)
        content = change(content, chance)
    return Mutant(number, seed, content, tuple(how))
