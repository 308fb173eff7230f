"""The details as CSV that a spreadsheet opens as it is: UTF-8 with BOM, CRLF, and no text that it would obey or change."""

import csv
from codecs import BOM_UTF8
from collections.abc import Sequence
from io import StringIO, TextIOWrapper
from typing import BinaryIO

from fleet.report.completion import Completion
from fleet.report.details import COLUMNS, HEADINGS, cells, details
from fleet.report.rows import harmless
from fleet.text import current_language, render


def write_csv(completion: Completion, stream: BinaryIO) -> None:
    """Write one line for each terminal under its headings, in the reader's language."""
    stream.write(BOM_UTF8 + heading_line(current_language()))
    text = TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    zone = completion.record.settings.zone
    for detail in details(completion, current_language()):
        writer.writerow(harmless(value) if isinstance(value, str) else value for value in cells(detail, zone))
    text.detach()


def heading_line(language: str, columns: Sequence[str] = COLUMNS) -> bytes:
    """The first line as it stands in the file, by which an export is known."""
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(render(HEADINGS[name], language) for name in columns)
    return text.getvalue().encode()
