"""The report as a workbook to hand on: a summary to sign, the counts, failures by cause, and every terminal.

- Rows are written once, in order, and leave memory (XlsxWriter's constant memory mode), so a province fits.
- The packed workbook is put together in memory and written at once, so that a full disk cuts nothing that the library still holds open.
- Every text is written as text: nothing becomes a formula, a link or a number.
"""

import tempfile
from datetime import UTC
from io import BytesIO
from typing import Any, BinaryIO

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from fleet.errors import FleetError, system_words
from fleet.report import tables
from fleet.report.completion import Completion
from fleet.report.details import COLUMNS, HEADINGS, cells, details
from fleet.report.rows import Shown, shown
from fleet.report.sheet import Formats, Sheet
from fleet.report.words import rollout_phase_words
from fleet.text import N_, _, current_language, render

PROPERTY = "fleet export"
"""Name of the document property by which a workbook is known as an export."""
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
_THIRD_OF_A_DIGEST = 15
"""Column width; three such columns hold a digest in small print."""
_MOST_ROWS = 1_048_576


def write_xlsx(completion: Completion, stream: BinaryIO) -> None:
    """Write the workbook in the reader's language.

    Raises:
        FleetError: There are more terminals than a sheet has rows, or no room for its parts while it is put together.
        OSError: The stream takes no more.
    """
    count = len(completion.record.terminals)
    if count >= _MOST_ROWS:
        raise FleetError(N_("{count} terminals are more than a sheet has rows", count=count), hint=N_("write them with --format csv"))
    packed = BytesIO()
    try:
        _write_workbook(completion, packed)
    except (OSError, FileCreateError) as error:
        cause = error if isinstance(error, OSError) else error.__context__
        reason = system_words(cause) if isinstance(cause, OSError) else str(error)
        raise FleetError(
            N_("the workbook cannot be put together: {reason}", reason=reason),
            where=tempfile.gettempdir(),
            hint=N_("make room there, or name a directory on another disk in TMPDIR"),
        ) from error
    stream.write(packed.getbuffer())


def _write_workbook(completion: Completion, stream: BinaryIO) -> None:
    workbook = xlsxwriter.Workbook(stream, _OPTIONS)
    workbook.set_properties({"title": _("Completion"), "created": completion.record.at.astimezone(UTC)})
    workbook.set_custom_property(PROPERTY, completion.record.rollout.id)
    formats = Formats(workbook)
    _write_summary(workbook, formats, completion)
    for table in (
        tables.by_district,
        tables.by_district_and_kind,
        tables.by_technician,
        tables.by_day,
        tables.by_cause,
        tables.not_reached,
    ):
        _write_table(workbook, formats, completion, table(completion))
    if completion.record.late is not None and completion.record.late.is_any:
        _write_table(workbook, formats, completion, tables.late_joiners(completion))
    if completion.swipes:
        _write_table(workbook, formats, completion, tables.swipes(completion))
    _write_details(workbook, formats, completion)
    workbook.close()


def _write_summary(workbook: Any, formats: Formats, completion: Completion) -> None:
    """What it is about, sites and terminals by where they stand, how they tie to the inventory, and lines to sign on."""
    sheet = Sheet(workbook.add_worksheet(_("Summary")), formats)
    sheet.headings((_("Completion"), ""))
    for row in _about(completion):
        sheet.cells(row)
    sheet.digest(_("plan digest"), completion.record.rollout.plan_digest)
    sheet.digest(_("hash of the last event"), completion.record.chain[1])
    sheet.widen(range(1, 4), _THIRD_OF_A_DIGEST)
    for table in tables.by_state(completion):
        sheet.skip()
        sheet.headings(table.headings)
        for number, row in enumerate(table.rows):
            sheet.cells(row, shares=frozenset(range(1, len(row))) if number in table.shares else frozenset())
    sheet.skip()
    sheet.headings((_("Inventory"), _("sites"), _("terminals")))
    for row in tables.inventory_rows(completion):
        sheet.cells(row)
    sheet.skip(2)
    for label in (_("Checked by"), _("Date"), _("Signature")):
        sheet.line(label, 3)
    sheet.finish_upright(*_page(completion))


def _about(completion: Completion) -> list[tuple[Shown, ...]]:
    record, zone = completion.record, completion.record.settings.zone
    return [
        (_("release"), record.release),
        (_("rollout"), record.rollout.id),
        (_("phase"), render(rollout_phase_words(record.rollout.phase))),
        *([(_("purpose"), _("only staged; nothing was made live"))] if record.rollout.only else []),
        (_("started at"), shown(record.rollout.started_at, zone)),
        (_("finished at"), shown(record.rollout.finished_at, zone)),
        (_("made"), shown(record.at, zone)),
        (_("time zone"), record.settings.time_zone),
        (_("a day begins at"), record.settings.day_boundary.isoformat("minutes")),
        (_("last event"), record.chain[0]),
        (_("files sent, MB"), record.bytes_sent / 1e6),
        (_("files the terminals had already, MB"), record.bytes_saved / 1e6),
    ]


def _write_table(workbook: Any, formats: Formats, completion: Completion, table: tables.Table) -> None:
    sheet = Sheet(workbook.add_worksheet(table.title), formats)
    sheet.headings(table.headings)
    for row in table.rows:
        sheet.cells(row, shares=table.shares, is_last=table.has_total and row is table.rows[-1])
    sheet.freeze(table.keys)
    sheet.finish_wide(*_page(completion), keys=range(table.keys), breaks=table.parts)


def _write_details(workbook: Any, formats: Formats, completion: Completion) -> None:
    sheet = Sheet(workbook.add_worksheet(_("Details")), formats)
    sheet.headings(render(HEADINGS[name]) for name in COLUMNS)
    zone = completion.record.settings.zone
    for detail in details(completion, current_language()):
        sheet.cells(cells(detail, zone))
    sheet.worksheet.autofilter(0, 0, sheet.row - 1, len(COLUMNS) - 1)
    sheet.freeze(0)
    terminal = COLUMNS.index("terminal")
    sheet.finish_wide(*_page(completion), keys=range(terminal, terminal + 1))


def _page(completion: Completion) -> tuple[str, str]:
    """Header and footer of every printed page; `&` begins a code there."""
    record = completion.record
    seq, digest = record.chain
    about = _("rollout {rollout}, release {release}", rollout=record.rollout.id, release=record.release)
    made = f"{shown(record.at, record.settings.zone)} {record.settings.time_zone}"
    chain = _("last event {seq}", seq=seq) + f" {digest}"
    plan = _("plan {digest}", digest=record.rollout.plan_digest)
    left, right, plan, chain = (text.replace("&", "&&") for text in (about, made, plan, chain))
    return f"&L{left}&C&A&R{right}", f"&L&7{plan}\n{chain}&R&P / &N"
