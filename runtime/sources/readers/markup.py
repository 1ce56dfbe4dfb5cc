"""Pages as others wrote them: their encoding, what none may cost, and the text of their elements."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from operators.declared.pages import Pages, Picked
from runtime.sources.readers.rows import Bad

#: Bytes, elements, attributes of one element, and rows of a page. Parsers and selectors take time by the square of some.
MOST_BYTES = 1 << 22
MOST_TAGS = 20_000
MOST_ATTRIBUTES = 512
MOST_ROWS = 1_000
#: Characters that the elements of all its rows may have together: one that stands in another is read with both.
MOST_TEXT = 1 << 24
#: A tag that is shorter has not so many attributes that they need to be counted.
LONG_TAG = 2 * MOST_ATTRIBUTES

TAG = re.compile(r"<[a-zA-Z][^\s/>]*+")
ATTRIBUTE = re.compile(r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+)?+)?+""")
TO_ITS_END = re.compile(rf"(?:{ATTRIBUTE.pattern})*+[\s/]*+")
CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}["']?\s{0,5}([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE)
CHARSET_WITHIN = 4096
#: What browsers take some encodings for: one with more letters.
SUPERSETS = {
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}


def decode_page(data: bytes, said: str | None) -> str:
    """The text of a page: in the encoding that is `said`, or that it says or looks like. Raises Bad for what is in none."""
    from resiliparse.parse.encoding import detect_encoding

    if len(data) > MOST_BYTES:
        raise Bad(f"the page is longer than {MOST_BYTES >> 20} MB")
    written = CHARSET.search(data[:CHARSET_WITHIN])
    marked = "utf-8" if data.startswith(codecs.BOM_UTF8) else None
    labels = (marked, said, written[1].decode("ascii") if written is not None else None)
    name = next((known for each in labels if each is not None and (known := known_encoding(each)) is not None), None)
    name = name or known_encoding(detect_encoding(data) or "utf-8") or "utf-8"
    text = data.decode(name, "replace").removeprefix("\ufeff")
    if text.count("\ufffd") > 1 + len(text) // 100:
        raise Bad(f"the page is not {name}, in which it seems to be")
    return text


def known_encoding(label: str) -> str | None:
    """The codec of text that a label stands for in pages."""
    try:
        found = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    return SUPERSETS.get(found.name, found.name) if found._is_text_encoding else None


def complain_cost(text: str) -> None:
    """Raises Bad for a page with more elements or attributes than a parser and selectors can be asked to look at.

    A tag is counted wherever one could begin, also in scripts and within others: which of them are tags takes a parser.
    """
    for number, tag in enumerate(TAG.finditer(text), 1):
        if number > MOST_TAGS:
            raise Bad(f"the page has more than {MOST_TAGS:,} elements")
        within = TO_ITS_END.match(text, tag.end(), tag.end() + LONG_TAG)
        if within is not None and within.end() - tag.end() >= LONG_TAG:
            count, place = 0, tag.end()
            while (found := ATTRIBUTE.match(text, place)) is not None:
                count, place = count + 1, found.end()
                if count > MOST_ATTRIBUTES:
                    raise Bad(f"an element of the page has more than {MOST_ATTRIBUTES} attributes")


def is_meant(pages: Pages, url: str) -> bool:
    """Whether pages of an address are looked at."""
    return pages.url is None or fnmatchcase(url, pages.url)


def rows_in(pages: Pages, text: str, url: str, date: str) -> Iterator[dict[str, str | None]]:
    """The rows of a page. Raises Bad for one that costs too much."""
    from selectolax.lexbor import LexborHTMLParser

    complain_cost(text)
    tree = LexborHTMLParser(text)
    for selector in pages.drop or ():
        for element in tree.css(selector):
            element.decompose()
    found = tree.css(pages.rows or "html")
    if len(found) > MOST_ROWS:
        raise Bad(f"the page has more than {MOST_ROWS:,} rows")
    picked, room = pages.picked(), MOST_TEXT
    for element in found:
        row: dict[str, str | None] = {}
        for name, each in picked.items():
            row[name], read = pick(element, each)
            room -= read
            if room < 0:
                raise Bad(f"the rows of the page, which stand within one another, are longer than {MOST_TEXT >> 20} MB")
            if row[name] is None and each.missing is not None:
                break
        else:
            yield row | {"url": url, "date": date}


def pick(element: Any, picked: Picked) -> tuple[str | None, int]:
    """(the field of a row's element, or None where it is not there or empty; the characters that were read for it)."""
    if picked.select is None:
        chosen = [element]
    elif picked.all:
        chosen = element.css(picked.select)
    else:
        first = element.css_first(picked.select)
        chosen = [] if first is None else [first]
    read, texts = 0, []
    for each in chosen:
        if picked.attribute is not None:
            texts.append((each.attributes.get(picked.attribute) or "").strip())
            read += len(texts[-1])
        else:
            markup = each.html or ""
            texts.append(text_of(markup))
            read += len(markup)
    return "\n\n".join(filter(None, texts)) or None, read


def text_of(markup: str) -> str:
    """The text of an element as a browser lays it out: lines by blocks and breaks, nothing of scripts."""
    from resiliparse.extract.html2text import extract_plain_text

    return str(extract_plain_text(markup, preserve_formatting=True, list_bullets=False, alt_texts=False)).strip()
