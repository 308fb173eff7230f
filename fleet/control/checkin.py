"""Taking a technician's report: a site is complete, or it is not; and what a self-test showed on terminals done by hand.

- Only the assigned technician or one who covers may report. A technician does so for themselves; a coordinator for any of them, and
  then both are recorded.
- A mark is a claim. Whether the site is done follows from the evidence the plan asks for, never from the mark alone.
- A self-test passes when the technician saw it pass and the terminal shows the plan's release. One that does not makes the whole
  report a problem: the site is not marked, and a mark that was there is taken back.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fleet.control.crew import find_site, find_technician, offline_jobs
from fleet.control.leases import let_go, refuse_in_use
from fleet.control.rights import Right, require
from fleet.control.scope import require_sites
from fleet.control.words import checked_text
from fleet.errors import InputError, NotAllowedError
from fleet.files import one_of
from fleet.model.actor import Actor
from fleet.model.attempt import Cause, TerminalState
from fleet.model.base import VERSION_PATTERN
from fleet.model.crew import CheckIn, SelfTest
from fleet.model.inventory import Person, Reach, Role
from fleet.model.rollout import RolloutState, SiteState
from fleet.store import Snapshot, Store, Tx, crew, fleets, progress, reads, releases, rollouts
from fleet.store.reads import SiteRow, TerminalRow
from fleet.text import N_, Message


@dataclass(frozen=True, slots=True)
class Report:
    """What a technician says about a site; codes or names as a person typed them. None is not said; an empty text is a mistake."""

    site: str
    technician: str
    note: str | None = None
    problem: str | None = None
    """What is wrong; the site is not complete then."""
    shown: Mapping[str, str] | None = None
    """Terminal (its code, or SITE/CODE) -> version it shows after a self-test that passed."""
    failed: Mapping[str, str] | None = None
    """Terminal -> what went wrong in its self-test."""


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """What became of a report."""

    check_in: CheckIn
    rollout: str
    site: SiteRow
    """The site as it stands now."""
    untested: tuple[str, ...]
    """Terminals done by hand that still lack a self-test that passed."""
    repeated: bool
    """The site was marked already and nothing new was said, not even a note; nothing was changed."""


def check_in(store: Store, actor: Actor, at: datetime, report: Report) -> CheckedIn:
    """Record a technician's report in the newest rollout that holds the site.

    Raises:
        NotAllowedError: The actor may not report for this technician or in this site's district, or the technician is not sent to this site.
        InputError: Unknown site, technician or terminal; no rollout holds the site; a self-test of a terminal that can be reached by SSH; an
            empty note or problem; self-tests of one terminal that contradict each other.
    """
    with store.read() as snapshot:
        require(snapshot, actor, Right.CHECK_IN)
        person = find_technician(snapshot, report.technician)
    is_own = person.code == actor.code
    behalf = Actor(code=actor.code, on_behalf=None if is_own else person.code)
    with store.write(behalf, at) as tx:
        require(tx, actor, Right.CHECK_IN)
        _require_own(tx, actor, person)
        site = find_site(tx, report.site).code
        if not is_own:
            require_sites(tx, actor, Right.CHECK_IN, [site])
        _require_sent(tx, site, person)
        refuse_in_use(tx, [site], actor.code, person.code)
        return _record(tx, _rollout_of(tx, site), replace(report, site=site, technician=person.code))


def _record(tx: Tx, rollout: RolloutState, report: Report) -> CheckedIn:
    site = report.site
    before = _row(tx, rollout.id, site)
    if before.state is SiteState.EXCLUDED:
        raise InputError(
            N_("site `{site}` is excluded from rollout {rollout}", site=site, rollout=rollout.id), hint=_why_excluded(tx, rollout.id, site)
        )
    terminals = {row.id: row for row in reads.terminals_of_site(tx, rollout.id, site)}
    release = releases.read_plan(tx, rollout.plan_digest).release
    jobs = {terminal for number, terminal in offline_jobs(tx, tx.at) if number == rollout.id}
    tests = _self_tests(report, terminals, release, jobs)
    taken = _check_in_of(tx, report, tests)
    repeated = (
        before.claimed and taken.kind == "mark" and all(_is_known(test, terminals) for test in tests) and _is_said(tx, rollout, taken)
    )
    if not repeated:
        crew.add_check_in(tx, rollout.id, taken)
        if tests:
            results = {test.terminal: test.ok for test in tests}
            progress.record_self_tests(tx, rollout.id, results, {test.terminal: test.note for test in tests})
        if taken.kind == "mark":
            let_go(tx, site, tx.actor.code, report.technician)
        if before.claimed != (taken.kind == "mark"):
            progress.record_mark(tx, rollout.id, site, marked=taken.kind == "mark")
    untested = [
        row.id
        for row in reads.terminals_of_site(tx, rollout.id, site)
        if row.reach is Reach.BY_HAND and row.state not in {TerminalState.SELF_TESTED, TerminalState.EXCLUDED}
    ]
    return CheckedIn(taken, rollout.id, _row(tx, rollout.id, site), tuple(untested), repeated)


def _why_excluded(tx: Snapshot, rollout: str, site: str) -> Message | None:
    """Who left the site out, and why."""
    decisions = rollouts.exclusions(tx, rollout)
    last = max((decision for name, decision in decisions.items() if name.partition("/")[0] == site), key=lambda each: each.id, default=None)
    if last is None:
        return None
    person = fleets.read_people(tx).get(last.actor)
    return N_(
        "{name} (`{code}`) left it out: {reason}; ask them, it counts in a later rollout only",
        name=person.name if person else last.actor,
        code=last.actor,
        reason=last.reason,
    )


def _check_in_of(tx: Tx, report: Report, tests: tuple[SelfTest, ...]) -> CheckIn:
    note, problem = _words(report.note, N_("the note")), _words(report.problem, N_("the problem"))
    if note and problem:
        raise InputError(N_("give a note or a problem, not both"), hint=N_("a problem says that the site is not complete"))
    is_problem = bool(problem) or any(not test.ok for test in tests)
    return CheckIn(
        site=report.site,
        technician=report.technician,
        kind="problem" if is_problem else "mark",
        self_tests=tests,
        note=problem or note,
        actor=tx.actor.code,
        at=tx.at,
    )


def _words(text: str | None, what: Message) -> str:
    """What was written; nothing where nothing was said. A report of trouble without a word is not taken for a mark."""
    words = checked_text(text or "", what)
    if text is not None and not words:
        raise InputError(N_("{what} is empty", what=what), hint=N_("say it in a few words, or leave the option out"))
    return words


def _self_tests(report: Report, terminals: Mapping[str, TerminalRow], release: str, jobs: Collection[str]) -> tuple[SelfTest, ...]:
    tests: dict[str, SelfTest] = {}
    for word, version in (report.shown or {}).items():
        shown = _version_in(checked_text(version, N_("the version")), release)
        note = "" if shown == release else f"{shown} != {release}"
        terminal = _by_hand_terminal(word, report.site, terminals, jobs)
        test = SelfTest(terminal=terminal, version=shown, ok=shown == release, note=note)
        _refuse_contradiction(test, tests.setdefault(terminal, test))
    for word, note in (report.failed or {}).items():
        terminal = _by_hand_terminal(word, report.site, terminals, jobs)
        test = SelfTest(terminal=terminal, version="", ok=False, note=checked_text(note, N_("the note")))
        _refuse_contradiction(test, tests.setdefault(terminal, test))
    return tuple(tests.values())


def _version_in(text: str, release: str) -> str:
    """The version a person typed, in whatever width the input method writes; `v4.2.0` is 4.2.0."""
    shown = unicodedata.normalize("NFKC", text).strip()
    if shown.casefold() == f"v{release}".casefold():
        return release
    if not re.fullmatch(VERSION_PATTERN, shown):
        raise InputError(
            N_("`{version}` is no version", version=shown),
            hint=N_(
                "write what the terminal shows, for example {release}; when the test went wrong, use --self-test-failed", release=release
            ),
        )
    return shown


def _refuse_contradiction(test: SelfTest, first: SelfTest) -> None:
    """One terminal may be named twice, as CODE and as SITE/CODE, when both say the same."""
    if test == first:
        return
    if not test.version and first.version:
        raise InputError(N_("the self-test of {terminal} cannot both pass and fail", terminal=test.terminal))
    raise InputError(
        N_("the self-test of {terminal} is given twice, and the two differ", terminal=test.terminal), hint=N_("keep the one that is true")
    )


def _by_hand_terminal(word: str, site: str, terminals: Mapping[str, TerminalRow], jobs: Collection[str]) -> str:
    identity = word if "/" in word else f"{site}/{word}"
    row = terminals.get(identity)
    if row is None:
        by_hand = [row.id for row in terminals.values() if row.reach is Reach.BY_HAND]
        hint = one_of(identity, by_hand) if by_hand else N_("this site has no terminal that is done by hand")
        raise InputError(N_("site `{site}` has no terminal `{terminal}` in this rollout", site=site, terminal=word), hint=hint)
    if not _may_be_self_tested(row) and identity not in jobs:
        raise InputError(
            N_("{terminal} is upgraded over SSH and proves itself; a self-test is for terminals done by hand", terminal=identity),
            hint=N_("leave it out; when it went wrong, say so with --problem"),
        )
    if row.state is TerminalState.EXCLUDED:
        raise InputError(N_("{terminal} is excluded from the rollout", terminal=identity))
    return identity


def _may_be_self_tested(row: TerminalRow) -> bool:
    """Whether a technician's word is taken for it: it is done by hand, or its SSH server turned out to be too old to be reached safely."""
    turned_out = {(TerminalState.UNREACHABLE, Cause.SSH_TOO_OLD), (TerminalState.FAILED, Cause.SELF_TEST)}
    return row.reach is Reach.BY_HAND or row.state is TerminalState.SELF_TESTED or (row.state, row.cause) in turned_out


def _is_known(test: SelfTest, terminals: Mapping[str, TerminalRow]) -> bool:
    return test.ok and terminals[test.terminal].state is TerminalState.SELF_TESTED


def _is_said(tx: Snapshot, rollout: RolloutState, taken: CheckIn) -> bool:
    """Whether the note is nothing new: there is none, or it is that of the last report."""
    reports = crew.read_check_ins(tx, rollout.id, taken.site)
    return not taken.note or (bool(reports) and reports[-1].note == taken.note)


def _require_own(tx: Snapshot, actor: Actor, person: Person) -> None:
    acting = fleets.read_people(tx)[actor.code]
    if acting.role is Role.TECHNICIAN and acting.code != person.code:
        raise NotAllowedError(
            N_("{name} is a technician, and checks in for themselves only", name=acting.name),
            hint=N_("ask {name} (`{code}`), or a coordinator", name=person.name, code=person.code),
        )


def _require_sent(tx: Snapshot, site: str, person: Person) -> None:
    assignment = crew.read_assignment(tx, site)
    if assignment is None:
        raise NotAllowedError(
            N_("nobody is sent to site `{site}` yet", site=site),
            hint=N_(
                "a coordinator runs `fleet assign --apply`, or `fleet assign {site} --to {code} --reason ...`", site=site, code=person.code
            ),
        )
    if person.code not in (assignment.technician, *assignment.covering):
        raise NotAllowedError(
            N_(
                "site `{site}` is `{assigned}`'s, and {name} does not cover for them",
                site=site,
                assigned=assignment.technician,
                name=person.name,
            ),
            hint=N_(
                "a coordinator can run `fleet assign {site} --to {assigned} --cover {code} --reason ...`",
                site=site,
                assigned=assignment.technician,
                code=person.code,
            ),
        )


def _rollout_of(tx: Snapshot, site: str) -> RolloutState:
    found = rollouts.newest_rollout_of_site(tx, site)
    if found is not None and found.only is not None:
        raise InputError(
            N_("rollout {rollout} only stages its release, so there is nothing to check in yet", rollout=found.id),
            hint=N_("check in when the upgrade itself was started; nothing live has changed at site `{site}`", site=site),
        )
    if found is not None:
        return found
    if rollouts.newest_rollout(tx) is None:
        raise InputError(N_("no rollout has been started yet"), hint=N_("start one with `fleet rollout start`, then check in"))
    raise InputError(N_("no rollout holds site `{site}`", site=site), hint=N_("it was not selected when the plan was made"))


def _row(tx: Snapshot, rollout: str, site: str) -> SiteRow:
    row = reads.read_site_row(tx, rollout, site)
    assert row is not None
    return row
