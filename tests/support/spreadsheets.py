"""Excel files, as small as they can be, so that no test needs a library that writes them."""

import zipfile
from pathlib import Path
from string import ascii_uppercase
from xml.sax.saxutils import escape

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>{}</Types>'
)
_SHEET_TYPE = (
    '<Override PartName="/xl/worksheets/sheet{}.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
)
_RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
_RELATION = (
    '<Relationship Id="r{}" Target="{}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}"/>'
)
_BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>{}</sheets></workbook>'
)
_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def write_xlsx(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    """Write sheets, name -> rows of cells; None leaves a cell empty."""
    numbers = range(1, len(sheets) + 1)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", _TYPES.format("".join(_SHEET_TYPE.format(n) for n in numbers)))
        archive.writestr("_rels/.rels", _RELATIONS.format(_RELATION.format(1, "xl/workbook.xml", "officeDocument")))
        names = "".join(
            f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>' for n, name in zip(numbers, sheets, strict=True)
        )
        archive.writestr("xl/workbook.xml", _BOOK.format(names))
        relations = "".join(_RELATION.format(n, f"worksheets/sheet{n}.xml", "worksheet") for n in numbers)
        archive.writestr("xl/_rels/workbook.xml.rels", _RELATIONS.format(relations))
        for n, rows in zip(numbers, sheets.values(), strict=True):
            archive.writestr(
                f"xl/worksheets/sheet{n}.xml", _SHEET.format("".join(map(_row, range(1, len(rows) + 1), rows)))
            )
    return path


def _row(number: int, cells: list[object]) -> str:
    filled = ((column, value) for column, value in zip(ascii_uppercase, cells, strict=False) if value is not None)
    return f'<row r="{number}">' + "".join(_cell(f"{column}{number}", value) for column, value in filled) + "</row>"


def _cell(place: str, value: object) -> str:
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'
