"""A small city in the middle of a night: every ending there is, hostile names, a technician's marks."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from fleet.control.checkin import Report, check_in
from fleet.control.crew import assign
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import District, Fleet, Person, Reach, Role, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.report.completion import Completion
from fleet.report.reading import read_completion
from fleet.settings import Settings
from fleet.store import Store, open_store, progress

BEFORE_SIX = datetime(2026, 3, 14, 21, 59, 59, tzinfo=UTC)
"""05:59:59 in Shanghai on 15 March: still the night of the 14th."""
AT_SIX = datetime(2026, 3, 14, 22, 0, tzinfo=UTC)
LI, WANG = Actor(code="li-na"), Actor(code="wang-lei")

NAMES = {
    "h1": "青湾第一医院",
    "p1": "=cmd|' /C calc'!A0",
    "p2": "\u200b+1+1",
    "p3": "@SUM(A1)",
    "p4": '逗号,引号"药店',
    "p5": "-东门药店",
    "p6": "西门药店",
    "p7": "南门药店",
    "p8": "北门药店",
}


@pytest.fixture
def city() -> Fleet:
    kinds = {code: SiteKind.HOSPITAL if code[0] == "h" else SiteKind.PHARMACY for code in NAMES}
    districts = {code: "heshan" if code in ("p7", "p8") else "qingwan" for code in NAMES}
    terminals = [Terminal(site=code, code="t1", host="127.0.0.1") for code in NAMES]
    terminals.append(Terminal(site="h1", code="t2", reach=Reach.BY_HAND))
    people = (
        Person(code="li-na", name="李娜", role=Role.COORDINATOR),
        Person(code="wang-lei", name="王磊", role=Role.TECHNICIAN, district="qingwan"),
    )
    return Fleet(
        districts={
            "qingwan": District(code="qingwan", name="青湾区", name_en="Qingwan"),
            "heshan": District(code="heshan", name="鹤山县", name_en="Heshan"),
        },
        sites={code: Site(code=code, kind=kinds[code], name=name, district=districts[code]) for code, name in NAMES.items()},
        terminals={terminal.id: terminal for terminal in terminals},
        people={person.code: person for person in people},
    )


@pytest.fixture
def store(workspace: Settings, city: Fleet, start_rollout: Callable[..., Plan]) -> Iterator[Store]:
    """h1 done, p1 claimed, p2 to p6 each with another ending, p7 and p8 not touched; wang-lei has h1 and p1."""
    opened = open_store(workspace, create=True)
    start_rollout(opened, city)
    for site in ("h1", "p1"):
        assign(opened, LI, BEFORE_SIX, site, "wang-lei", reason="near")
    endings = {
        "h1/t1": (TerminalState.UPGRADED, Cause.NONE),
        "p2/t1": (TerminalState.FAILED, Cause.DISK_FULL),
        "p3/t1": (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED),
        "p4/t1": (TerminalState.UNREACHABLE, Cause.NO_ANSWER),
        "p5/t1": (TerminalState.UNKNOWN, Cause.LINK_LOST),
    }
    for terminal, (ending, cause) in endings.items():
        push(opened, terminal, BEFORE_SIX, ending, cause)
    with opened.write(LI, BEFORE_SIX) as tx:
        progress.exclude(tx, "r1", ["p6/t1"])
    check_in(opened, WANG, AT_SIX, Report("h1", "wang-lei", shown={"t2": "4.2.0"}))
    check_in(opened, WANG, AT_SIX, Report("p1", "wang-lei"))
    yield opened
    opened.close()


def push(store: Store, terminal: str, at: datetime, ending: TerminalState, cause: Cause) -> None:
    detail = "" if cause is Cause.NONE else "=HYPERLINK(1)"
    files = {"bytes_sent": 5_200_000, "bytes_saved": 41_600_000} if ending is TerminalState.UPGRADED else {}
    result = AttemptResult(terminal=terminal, number=1, ending=ending, cause=cause, detail=detail, started_at=at, finished_at=at, **files)
    with store.write(FLEET, at) as tx:
        progress.record_result(tx, "r1", result)


@pytest.fixture
def completion(store: Store, workspace: Settings) -> Completion:
    with store.read() as snapshot:
        return read_completion(snapshot, workspace, AT_SIX)
