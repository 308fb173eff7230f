"""`fleet doctor`: what is wrong, where, and how to mend it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from fleet.cli.common import current_door, print_json, show
from fleet.text import _, render

if TYPE_CHECKING:
    from fleet.doctor import Finding


def command(*, as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON."))) -> int:
    """Look at the workspace, its record, keys, releases, people and this machine; change nothing. Exit code: 1 something is wrong, else 0."""
    from fleet.doctor import examine
    from fleet.push.user_key import load_user_key

    report = examine(current_door().workspace, datetime.now(UTC), load_user_key)
    if as_json:
        head = None if report.head is None else {"seq": report.head[0], "hash": report.head[1]}
        findings = [_facts(finding) for finding in report.findings]
        print_json({"well": report.is_well, "checks": report.checked, "findings": findings, "head": head})
        return 0 if report.is_well else 1
    for finding in report.findings:
        for line in _lines(finding):
            show(line)
    if report.head is not None:
        show(_("The record holds: {count} {count:event|events}, head {head}", count=report.head[0], head=report.head[1]))
    if report.findings:
        wrong = sum(finding.level.value == "wrong" for finding in report.findings)
        show(
            _(
                "Checks: {checks}; wrong: {wrong}; worth knowing: {notes}",
                checks=report.checked,
                wrong=wrong,
                notes=len(report.findings) - wrong,
            )
        )
    else:
        show(_("Checks: {checks}; nothing is wrong.", checks=report.checked))
    return 0 if report.is_well else 1


def _lines(finding: "Finding") -> list[str]:
    mark = _("wrong") if finding.level.value == "wrong" else _("note")
    return [f"{mark}: {render(finding.what)}", "  " + _("at: {where}", where=finding.where), "  " + _("mend: {mend}", mend=finding.mend)]


def _facts(finding: "Finding") -> dict[str, Any]:
    return {
        "check": finding.check,
        "level": finding.level.value,
        "what": render(finding.what),
        "where": render(finding.where),
        "mend": render(finding.mend),
    }
