"""Limited and staged pushes to a real OpenSSH server: the limit holds on the wire, waiting is no failure, a stop is heeded while waiting."""

import io
import shutil
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import BinaryIO

import pytest

from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Site, SiteKind, Terminal
from fleet.model.playbook import Account
from fleet.model.purpose import NO_LIMITS, Limits, Only
from fleet.push import PushJob, push_terminal
from fleet.push.inline import PACKET_BYTES
from fleet.push.link import Link
from fleet.push.throttle import UNLIMITED, Throttle
from fleet.terminal.compile import compile_program
from tests.openssh import OpenSSH
from tests.push.test_throttle import most_in_any_window
from tests.terminal.field import Build, build, client_files, playbook, upgrade_steps

pytestmark = pytest.mark.needs("sshd")

OLD = build("1.0")
LARGE = build("2.0", client_files("2.0", extra={"lib/large.dat": bytes(range(256)) * 1600}))


@dataclass
class Source:
    """Contents of a release."""

    release: Build
    on_open: threading.Event = field(default_factory=threading.Event)

    def open(self, sha256: str) -> BinaryIO:
        self.on_open.set()
        return io.BytesIO(self.release.contents[sha256])


@dataclass
class Bench:
    """One account on the server, and pushes to it."""

    server: OpenSSH
    attempts: int = 0

    def push(
        self,
        release: Build,
        *,
        only: Only | None = None,
        limits: Limits = NO_LIMITS,
        throttle: Throttle = UNLIMITED,
        source: Source | None = None,
        stop: threading.Event | None = None,
    ) -> AttemptResult:
        self.attempts += 1
        # This sshd knows one user, whoever runs the tests; that may be root, which no playbook may name.
        account = Account(user="fleet", root="client").model_copy(update={"user": self.server.user})
        steps = upgrade_steps(release.version)
        program = compile_program(playbook(steps).model_copy(update={"account": account}), steps, release.artifact, release.version)
        job = PushJob(
            terminal=Terminal(site="pharmacy-12", code="t03", host="127.0.0.1", port=self.server.port),
            site=Site(code="pharmacy-12", kind=SiteKind.PHARMACY, name="A pharmacy", district="qingwan"),
            number=self.attempts,
            program=program,
            artifact=release.artifact,
            version=release.version,
            account=account,
            pinned=self.server.fingerprint,
            deadline_s=60.0,
            rollout="r1",
            only=only,
            limits=limits,
        )
        return push_terminal(job, source or Source(release), self.server.key, None, stop, throttle=throttle)

    @property
    def live(self) -> str:
        return (self.server.home / "client/current").readlink().name


@pytest.fixture
def bench(openssh: OpenSSH) -> Bench:
    shutil.rmtree(openssh.home)
    openssh.home.mkdir()
    bench = Bench(openssh)
    assert bench.push(OLD).ending is TerminalState.UPGRADED
    return bench


def test_what_was_staged_is_not_sent_on_the_night(bench: Bench) -> None:
    staged = bench.push(LARGE, only=Only.STAGE)
    live = bench.live
    again = bench.push(LARGE, only=Only.STAGE)
    night = bench.push(LARGE)

    assert (staged.ending, staged.bytes_sent + staged.bytes_saved) == (TerminalState.STAGED, LARGE.artifact.size)
    assert live == OLD.name
    assert (again.ending, again.in_place, again.bytes_sent) == (TerminalState.STAGED, True, 0)
    assert (night.ending, night.bytes_sent, night.bytes_saved) == (TerminalState.UPGRADED, 0, LARGE.artifact.size)
    assert bench.live == LARGE.name


def test_a_limit_holds_where_the_bytes_leave(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[tuple[float, int]] = []
    let_go = Link._let_go

    def watched(link: Link, flags: int) -> None:
        if link.opened:
            left.append((monotonic(), link._held_bytes))
        let_go(link, flags)

    monkeypatch.setattr(Link, "_let_go", watched)
    rate = 400_000
    throttle = Throttle(Limits(site_rate=rate))

    result = bench.push(LARGE, only=Only.STAGE, limits=Limits(site_rate=rate), throttle=throttle)

    burst = throttle.turn("pharmacy-12").most
    late = PACKET_BYTES  # granted before, and written a moment later than it might have been
    of_ssh = 4096  # headers, keys, windows
    assert result.ending is TerminalState.STAGED
    assert most_in_any_window(left, rate * 21 // 20) <= burst + late + of_ssh


def test_a_push_that_waits_for_its_turn_ends_as_soon_as_it_is_stopped(bench: Bench) -> None:
    throttle = Throttle(Limits(total_rate=1_000), clock=lambda: 0.0)  # on this clock no turn ever comes
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = monotonic()

    result = bench.push(LARGE, only=Only.STAGE, throttle=throttle, stop=stop)

    assert (result.ending, result.cause) == (TerminalState.FAILED, Cause.STOPPED)
    assert monotonic() - began < 20
    assert bench.live == OLD.name


def test_the_push_behind_one_that_was_stopped_gets_its_turn(bench: Bench) -> None:
    now = [0.0]
    throttle = Throttle(Limits(total_rate=10**8), clock=lambda: now[0])
    before = throttle.turn("elsewhere")
    while not before.ask(before.most):
        pass  # until it has to wait, and is the first who does
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    assert bench.push(LARGE, only=Only.STAGE, throttle=throttle, stop=stop).cause is Cause.STOPPED

    before.leave()
    now[0] = 86_400.0
    behind = throttle.turn("elsewhere")

    assert behind.ask(behind.most) == 0
