"""An answer as a file: CSV for a spreadsheet, JSON for a program."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Final

from warifu.law import Text
from warifu.portal.information.words import Sheet

BOM: Final = "\ufeff"
"""By which spreadsheets know UTF-8."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_HEAD: Final = (Text("記録", "Record"), Text("項目", "Field"), Text("内容", "Value"))


def written(sheets: Sequence[Sheet], language: str) -> str:
    """CSV (RFC 4180) of the fields in words; no cell is a formula to a spreadsheet."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow([head.to(language) for head in _HEAD])
    for sheet in sheets:
        for told in sheet.fields:
            cells = (sheet.record_key, told.label.to(language), told.text.to(language))
            rows.writerow([_harmless(cell) for cell in cells])
    return BOM + out.getvalue()


def document(sheets: Sequence[Sheet]) -> Sequence[Mapping[str, object]]:
    """The records as JSON: `{record_key, fields: [{path, label, value, text}]}`; labels and texts in both languages."""
    return [
        {
            "record_key": sheet.record_key,
            "fields": [
                {
                    "path": told.path,
                    "label": {"ja": told.label.ja, "en": told.label.en},
                    "value": told.value,
                    "text": {"ja": told.text.ja, "en": told.text.en},
                }
                for told in sheet.fields
            ],
        }
        for sheet in sheets
    ]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
