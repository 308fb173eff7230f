"""The whole report as JSON: keys and codes that do not depend on the reader's language, for other programs."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, BinaryIO

from fleet.model.late import late_as_json
from fleet.report.completion import Completion, Record
from fleet.report.counts import Counts
from fleet.report.details import COLUMNS, details
from fleet.report.measures import OF_SITES, OF_TERMINALS
from fleet.report.swipes import swipes_as_json

FORMAT = 1
"""Rises when a key changes its meaning or goes away; new keys may come without."""


def write_json(completion: Completion, stream: BinaryIO) -> None:
    """Write head, counts and one object for each terminal; UTF-8, one terminal to a line."""
    zone = completion.record.settings.zone

    def plain(value: object) -> object:
        return value.astimezone(zone).isoformat() if isinstance(value, datetime) else value

    head = json.dumps(counts_as_json(completion), ensure_ascii=False, indent=2, default=plain)
    stream.write(head.removesuffix("\n}").encode() + b',\n  "terminals": [')
    between = b"\n    "
    for detail in details(completion):
        row = {name: plain(getattr(detail, name)) for name in COLUMNS}
        stream.write(between + json.dumps(row, ensure_ascii=False).encode())
        between = b",\n    "
    stream.write(b"\n  ]\n}\n")


def counts_as_json(completion: Completion) -> dict[str, Any]:
    """Everything but the terminals, as plain types and times."""
    record = completion.record
    seq, digest = record.chain
    return {
        "format": FORMAT,
        "made_at": record.at,
        "time_zone": record.settings.time_zone,
        "day_boundary": record.settings.day_boundary.isoformat("minutes"),
        "rollout": record.rollout.id,
        "phase": record.rollout.phase,
        "only": record.rollout.only,
        "release": record.release,
        "plan_digest": record.rollout.plan_digest,
        "started_at": record.rollout.started_at,
        "finished_at": record.rollout.finished_at,
        "chain": {"seq": seq, "hash": digest},
        "inventory": {unit: asdict(tie) for unit, tie in record.against_inventory.items()},
        "late": _late(record),
        "bytes": {"sent": record.bytes_sent, "saved": record.bytes_saved},
        "total": _numbers(completion.total),
        "by_kind": [{"kind": kind, **_numbers(counts)} for kind, counts in completion.by_kind.items()],
        "by_district": [{"district": district, **_numbers(counts)} for district, counts in completion.by_district.items()],
        "by_district_and_kind": [
            {"district": district, "kind": kind, **_numbers(counts)} for (district, kind), counts in completion.by_district_and_kind.items()
        ],
        "by_technician": [{"technician": code, **_numbers(counts)} for code, counts in completion.by_technician.items()],
        "by_day": [{"day": day.isoformat() if day else None, **_numbers(counts)} for day, counts in completion.by_day.items()],
        "swipes": [{"kind": kind, "phases": swipes_as_json(measured)} for kind, measured in completion.swipes.items()],
        "failures_by_cause": [asdict(row) for row in completion.causes],
        "failures": [asdict(row) | {"said": record.failure_texts.get(row.fingerprint, "")} for row in completion.failures],
        "not_reached": [asdict(one) for one in record.unreached],
    }


def _late(record: Record) -> dict[str, Any] | None:
    """The plan's own numbers, `+n` beside them, and who is in it."""
    if record.late is None:
        return None
    return {**late_as_json(record.late), "joiners": [joiner.model_dump(exclude={"plan"}) for joiner in record.late_joiners]}


def _numbers(counts: Counts) -> dict[str, dict[str, int | float | None]]:
    return {
        "sites": {measure.key: measure.value(counts) for measure in OF_SITES},
        "terminals": {measure.key: measure.value(counts) for measure in OF_TERMINALS},
    }
