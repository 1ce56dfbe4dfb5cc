"""Archives and workbooks made for tests."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

Entry = tuple[str, str, int]
"""(name, what it holds, its kind in a tar)"""


def zipped(path: Path, *entries: Entry) -> Path:
    """A zip of these."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text, kind in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = ((stat.S_IFLNK if kind != int(tarfile.REGTYPE) else stat.S_IFREG) | 0o644) << 16
            archive.writestr(info, text)
    return path


def tarred(path: Path, *entries: Entry) -> Path:
    """A tar of these, packed with gzip where its name says so."""
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, text, kind in entries:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = str(kind).encode(), "/etc/passwd" if kind != 0 else ""
            info.size = len(text.encode()) if kind == 0 else 0
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    """A workbook as the format says, with texts and numbers in cells."""
    open_xml = "application/vnd.openxmlformats-"
    part = f"{open_xml}officedocument.spreadsheetml"
    schemas = "http://schemas.openxmlformats.org"
    office, main = f"{schemas}/officeDocument/2006/relationships", f"{schemas}/spreadsheetml/2006/main"
    kinds = f'<Default Extension="rels" ContentType="{open_xml}package.relationships+xml"/>'
    kinds += f'<Override PartName="/xl/workbook.xml" ContentType="{part}.sheet.main+xml"/>'
    listed = targets = ""
    with zipfile.ZipFile(path, "w") as archive:
        for at, (name, rows) in enumerate(sheets.items()):
            kinds += f'<Override PartName="/xl/s{at}.xml" ContentType="{part}.worksheet+xml"/>'
            listed += f'<sheet name="{name}" sheetId="{at + 1}" r:id="r{at}"/>'
            targets += f'<Relationship Id="r{at}" Type="{office}/worksheet" Target="s{at}.xml"/>'
            body = "".join(f'<row r="{number}">{cells_of(number, row)}</row>' for number, row in enumerate(rows, 1))
            archive.writestr(f"xl/s{at}.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>')
        whole = f'<Relationship Id="r" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        for name, inner in (("_rels/.rels", whole), ("xl/_rels/workbook.xml.rels", targets)):
            archive.writestr(name, f'<Relationships xmlns="{schemas}/package/2006/relationships">{inner}</Relationships>')
        archive.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>')
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{schemas}/package/2006/content-types">{kinds}</Types>')
    return path


def cells_of(number: int, row: list[object]) -> str:
    """The cells of a row."""
    text = ""
    for letter, cell in zip("ABCDEFG", row, strict=False):
        if isinstance(cell, str):
            text += f'<c r="{letter}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
        elif cell is not None:
            text += f'<c r="{letter}{number}"><v>{cell}</v></c>'
    return text
