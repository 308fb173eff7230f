"""One row for each terminal: what CSV, JSON and the last sheet hold."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from zoneinfo import ZoneInfo

from fleet.model.attempt import Cause, TerminalState
from fleet.model.gate import Phase
from fleet.model.inventory import Reach, SiteKind
from fleet.model.rollout import SiteState
from fleet.model.step_words import step_words
from fleet.report.completion import Completion
from fleet.report.counts import is_claimed
from fleet.report.rows import Shown, shown
from fleet.report.terminal_words import detail_words
from fleet.report.words import CheckInKind
from fleet.text import N_, render


@dataclass(frozen=True, slots=True)
class Detail:
    """One terminal with its site. The field names are the keys of the JSON export and do not change."""

    district: str
    district_name: str
    kind: SiteKind
    site: str
    site_name: str
    wave: int
    technician: str | None
    technician_name: str | None
    terminal: str
    reach: Reach
    state: TerminalState
    cause: Cause
    step: str
    detail: str
    attempts: int
    key_card: str | None
    changed_at: datetime | None
    site_state: SiteState
    marked: bool
    claimed: bool
    done: bool
    done_at: datetime | None
    check_in: CheckInKind | None
    check_in_note: str
    check_in_by: str | None
    """Technician code."""
    check_in_by_name: str | None
    check_in_recorded_by: str | None
    """Person code: the technician, or who recorded it on their behalf."""
    check_in_recorded_by_name: str | None
    check_in_at: datetime | None
    excluded_by: str | None
    """Person code, of a terminal that was left out."""
    excluded_by_name: str | None
    excluded_at: datetime | None
    excluded_reason: str
    rolled_back_by: str | None
    """Person code, of a terminal that was, or is to be, rolled back on purpose."""
    rolled_back_by_name: str | None
    rolled_back_at: datetime | None
    """When it was decided."""
    rolled_back_reason: str
    swipe_before_ms: int | None
    """Of an upgraded terminal, a whole swipe on the client before."""
    swipe_after_ms: int | None
    exclusion_asked_by: str | None
    """Person code, where a second person confirmed that a terminal is left out: who asked for it."""
    fingerprint: str | None
    """Of a terminal that did not end well, the failure it stands at."""
    failure_said: str
    """What the terminals at that failure said, names and numbers as `#`."""
    failure_terminals: int | None
    """How many terminals stand there."""
    by_hand_by: str | None
    """Person code, of a terminal that was to be pushed and that a person has had done by hand."""
    by_hand_by_name: str | None
    by_hand_at: datetime | None
    """When it was decided."""
    by_hand_reason: str
    by_hand_after: Cause | None
    """What its last push ended for before that."""


HEADINGS = {
    "district": N_("district code"),
    "district_name": N_("district"),
    "kind": N_("kind"),
    "site": N_("site code"),
    "site_name": N_("site"),
    "wave": N_("wave"),
    "technician": N_("technician code"),
    "technician_name": N_("technician"),
    "terminal": N_("terminal"),
    "reach": N_("reached"),
    "state": N_("state of the terminal"),
    "cause": N_("cause"),
    "step": N_("step"),
    "detail": N_("what the terminal or the technician said"),
    "attempts": N_("attempts"),
    "key_card": N_("key card"),
    "changed_at": N_("last change"),
    "site_state": N_("state of the site"),
    "marked": N_("marked"),
    "claimed": N_("claimed"),
    "done": N_("done"),
    "done_at": N_("done at"),
    "check_in": N_("last check-in"),
    "check_in_note": N_("what the check-in says"),
    "check_in_by": N_("check-in by"),
    "check_in_by_name": N_("check-in by, name"),
    "check_in_recorded_by": N_("check-in recorded by"),
    "check_in_recorded_by_name": N_("check-in recorded by, name"),
    "check_in_at": N_("check-in at"),
    "excluded_by": N_("excluded by"),
    "excluded_by_name": N_("excluded by, name"),
    "excluded_at": N_("excluded at"),
    "excluded_reason": N_("why it is excluded"),
    "rolled_back_by": N_("rolled back on purpose by"),
    "rolled_back_by_name": N_("rolled back on purpose by, name"),
    "rolled_back_at": N_("rollback decided at"),
    "rolled_back_reason": N_("why it is rolled back"),
    "swipe_before_ms": N_("swipe before, ms"),
    "swipe_after_ms": N_("swipe now, ms"),
    "exclusion_asked_by": N_("exclusion asked for by"),
    "fingerprint": N_("fingerprint"),
    "failure_said": N_("what they said, names and numbers as #"),
    "failure_terminals": N_("terminals with this fingerprint"),
    "by_hand_by": N_("made by-hand by"),
    "by_hand_by_name": N_("made by-hand by, name"),
    "by_hand_at": N_("made by-hand at"),
    "by_hand_reason": N_("why it is by-hand"),
    "by_hand_after": N_("cause of its last push"),
}
_ON_PURPOSE = frozenset((TerminalState.GOING_BACK, TerminalState.TAKEN_BACK))
COLUMNS = tuple(field.name for field in fields(Detail))


def details(completion: Completion, language: str = "") -> Iterator[Detail]:
    """Every terminal of the rollout, by id; districts in `language`, or as the inventory names them."""
    record = completion.record
    names = {code: district.name_in(language) for code, district in record.fleet.districts.items()}
    people = {code: person.name for code, person in record.fleet.people.items()}
    alike = Counter(record.fingerprints.values())
    for terminal in record.terminals:
        fingerprint = record.fingerprints.get(terminal.id)
        site = record.site_of(terminal)
        check_in = record.check_ins.get(site.code)
        swipes = record.swipes.get(terminal.id)
        excluded = record.exclusions.get(terminal.id) if terminal.state is TerminalState.EXCLUDED else None
        by_hand = record.made_by_hand.get(terminal.id) if terminal.reach is Reach.BY_HAND else None
        back = record.rollbacks.get(terminal.id) if terminal.state in _ON_PURPOSE else None
        yield Detail(
            district=site.district,
            district_name=names.get(site.district, site.district),
            kind=site.kind,
            site=site.code,
            site_name=site.name,
            wave=site.wave,
            technician=site.technician,
            technician_name=people.get(site.technician or ""),
            terminal=terminal.id,
            reach=terminal.reach,
            state=terminal.state,
            cause=terminal.cause,
            step=terminal.step,
            detail=terminal.detail,
            attempts=terminal.attempts,
            key_card=terminal.key_card,
            changed_at=terminal.updated_at,
            site_state=site.state,
            marked=site.claimed,
            claimed=is_claimed(site),
            done=site.done,
            done_at=site.done_at,
            check_in=CheckInKind(check_in.kind) if check_in else None,
            check_in_note=check_in.note if check_in else "",
            check_in_by=check_in.technician if check_in else None,
            check_in_by_name=people.get(check_in.technician) if check_in else None,
            check_in_recorded_by=check_in.actor if check_in else None,
            check_in_recorded_by_name=people.get(check_in.actor) if check_in else None,
            check_in_at=check_in.at if check_in else None,
            excluded_by=excluded.actor if excluded else None,
            excluded_by_name=people.get(excluded.actor) if excluded else None,
            excluded_at=excluded.at if excluded else None,
            excluded_reason=excluded.reason if excluded else "",
            rolled_back_by=back.actor if back else None,
            rolled_back_by_name=people.get(back.actor) if back else None,
            rolled_back_at=back.at if back else None,
            rolled_back_reason=back.reason if back else "",
            swipe_before_ms=swipes.before.get(Phase.TOTAL) if swipes else None,
            swipe_after_ms=swipes.after.get(Phase.TOTAL) if swipes else None,
            exclusion_asked_by=excluded.asked_by if excluded else None,
            fingerprint=fingerprint,
            failure_said=record.failure_texts.get(fingerprint, "") if fingerprint else "",
            failure_terminals=alike[fingerprint] if fingerprint else None,
            by_hand_by=by_hand.actor if by_hand else None,
            by_hand_by_name=people.get(by_hand.actor) if by_hand else None,
            by_hand_at=by_hand.at if by_hand else None,
            by_hand_reason=by_hand.reason if by_hand else "",
            by_hand_after=record.causes_before.get(terminal.id) if by_hand else None,
        )


def cells(detail: Detail, zone: ZoneInfo) -> Iterator[Shown]:
    """The columns as a table shows them, in the reader's language; `detail` itself has the codes."""
    for name in COLUMNS:
        value = getattr(detail, name)
        if name == "step":
            value = render(step_words(value))
        elif name == "detail":
            value = render(detail_words(value))
        yield shown(value, zone)
