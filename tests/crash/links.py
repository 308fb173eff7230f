"""One cut of a link: push through a relay that cuts, see what the terminal did with it, push again, and count what was done how often.

The client keeps `state/applied`, to which a migration adds a line. The old release's is empty, so one line is the only right count.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Terminal
from fleet.model.playbook import ActivateStep, ConfigureStep, SettingSource, StageStep, Step
from fleet.push import push_terminal
from fleet.push.payload import archive_header, archive_padding
from tests.crash.relay import LinkCut, Relay, Way, relay
from tests.crash.scenarios import journal_state
from tests.openssh import OpenSSH, Source, make_job, running_openssh, wait_for_rest
from tests.terminal.field import Build, Far, build, make_far, words

OLD_VERSION = "1.0"
CLIENT = """\
#!/bin/sh
# A client of version @VERSION@ that remembers in its home how often it was started.
case $1 in
  migrate) printf '%s\\n' '@VERSION@' >>state/applied ;;
  start) printf '%s\\n' '@VERSION@' >>"$HOME/started" ;;
esac
"""


def release(version: str, size: int) -> Build:
    """A release of so many bytes that are new in each version, in several files, and some that are not."""
    dice = Random(version)
    fresh = {f"share/part-{number}": ("0644", dice.randbytes(size // 4)) for number in range(4)}
    files = {"bin/client": ("0755", CLIENT.replace("@VERSION@", version).encode()), "lib/cards.dat": ("0644", bytes(range(256)) * 20)}
    return build(version, {**files, **fresh})


def steps(version: str) -> list[Step]:
    """An upgrade."""
    client = "bin/client"
    return [
        StageStep(name="stage"),
        ConfigureStep(name="configure", file="etc/client.conf", values={"for": version}, per_terminal={"card": SettingSource.KEY_CARD}),
        ActivateStep(
            name="activate",
            stop=words(client, "stop"),
            migrate=words(client, "migrate") if version != OLD_VERSION else None,
            start=words(client, "start"),
            probe=words(client, "probe"),
            probe_attempts=1,
        ),
    ]


def wrong_counts(home: Path, made: Build) -> list[str]:
    """What was done to the terminal not exactly once: activated and committed, migrated, started."""
    journal = home / "client/.fleet/journal"
    records = [line.split() for line in journal.read_text().splitlines() if line] if journal.exists() else []
    told = [state for state, _old, new, *_ in records if new == made.name]
    wrong = [] if told == ["activating", "committed"] else [f"the journal tells of the new release: {told}"]
    for log in (home / "client/current/state/applied", home / "started"):
        lines = log.read_text().split() if log.exists() else []
        if lines.count(made.version) != 1:
            wrong.append(f"{log.name}: {lines}")
    return wrong


@dataclass
class Figures:
    """What the cuts came to."""

    cuts: int = 0
    arrived_bytes: int = 0
    """Of files that had to be sent, when the link was cut."""
    kept_bytes: int = 0
    """Of these, the ones that were not sent again."""

    def __str__(self) -> str:
        if not self.arrived_bytes:
            return f"{self.cuts} cuts, before a byte of a file had arrived"
        share = 100 * self.kept_bytes / self.arrived_bytes
        return f"{self.cuts} cuts, {self.arrived_bytes} bytes of files had arrived, {share:.1f} % of them were not sent again"


@dataclass
class LinkBench:
    """A terminal behind a real SSH server, on the old release, and the push whose link is cut."""

    far: Far
    server: OpenSSH
    image: Path
    old: Build
    new: Build
    passed: dict[Way, int] = field(default_factory=dict)
    """Bytes of the whole push when nothing is cut."""
    figures: Figures = field(default_factory=Figures)

    @property
    def work(self) -> Path:
        return self.far.root / ".fleet"

    @property
    def unchanged_bytes(self) -> int:
        """Of files that both releases have."""
        return sum(file.size for file in self.new.artifact.files if file.sha256 in self.old.contents)

    def reset(self) -> None:
        """Back to the old release."""
        shutil.rmtree(self.far.home)
        shutil.copytree(self.image, self.far.home, symlinks=True)

    def push(self, number: int, cut: LinkCut | None = None) -> tuple[AttemptResult, Relay]:
        """Make an attempt through a relay, and wait until the terminal is at rest."""
        with relay(self.server.port, cut) as link:
            terminal = Terminal(site="pharmacy-12", code="t03", host="127.0.0.1", port=link.port)
            job = make_job(self.server, steps("2.0"), self.new, number, terminal=terminal, pinned=self.server.fingerprint)
            result = push_terminal(job, Source(self.new), self.server.key)
        wait_for_rest(self.server)
        return result, link

    def survive(self, *cuts: LinkCut) -> list[str]:
        """Cut these links, one a push of the same attempt, then push until nothing is left to do; returns what was wrong."""
        self.reset()
        wrong: list[str] = []
        held = 0
        for cut in cuts:
            before = self.far.live
            result, link = self.push(1, cut)
            self.figures.cuts += link.was_cut
            wrong += self._wrong_after(result, before)
            held = self._arrived_bytes()
        again, _ = self.push(1)
        if again.ending is not TerminalState.UPGRADED:
            wrong.append(f"the same attempt again ended {again.ending} {again.cause} {again.detail}: {again.log}")
        kept = again.bytes_saved - self.unchanged_bytes
        if held and kept != held:
            wrong.append(f"{held} bytes of files had arrived, {kept} were not sent again")
        self.figures.arrived_bytes += held
        self.figures.kept_bytes += kept if held else 0
        after, _ = self.push(2)
        if (after.ending, after.in_place, after.bytes_sent) != (TerminalState.UPGRADED, True, 0):
            wrong.append(f"the next attempt found something to do: {after.ending} {after.cause} {after.detail}")
        return [f"{cuts}: {word}" for word in (*wrong, *self._wrong_at_the_end())]

    def _wrong_after(self, result: AttemptResult, before: str | None) -> list[str]:
        """What must not be once the link is cut and the terminal at rest; what the push said must hold."""
        live, state = self.far.live, journal_state(self.far.root)
        wrong = []
        if live not in (self.old.name, self.new.name) or state != "committed":
            wrong.append(f"{live} is live, and the journal says {state!r}")
        if result.ending is TerminalState.UPGRADED and live != self.new.name:
            wrong.append(f"it said upgraded, but {live} is live")
        # An earlier push of the attempt may have got through; of this one it says that nothing was touched.
        if result.ending in (TerminalState.UNREACHABLE, TerminalState.FAILED) and live != before:
            wrong.append(f"it said {result.ending} {result.cause}, but {live} is live")
        if result.ending is TerminalState.ROLLED_BACK:
            wrong.append("it said rolled back")
        return wrong + self._wrong_files()

    def _wrong_files(self) -> list[str]:
        made = self.new if self.far.live == self.new.name else self.old
        current = self.far.root / "current"
        return [
            f"{file.path} is not whole" for file in made.artifact.files if (current / file.path).read_bytes() != made.contents[file.sha256]
        ]

    def _wrong_at_the_end(self) -> list[str]:
        """Exactly one activation, one migration, one start, and nothing left lying about."""
        wrong = wrong_counts(self.far.home, self.new)
        wrong += [f"left lying about: {path.name}" for path in self.work.glob("part*")]
        if self.far.live != self.new.name:
            wrong.append(f"{self.far.live} is live")
        return wrong + self._wrong_files()

    def _arrived_bytes(self) -> int:
        """Bytes of files in the terminal's part."""
        part = self.work / "part"
        left = part.stat().st_size if part.exists() else 0
        arrived = 0
        for file in self.new.artifact.files:
            if file.sha256 in self.old.contents:
                continue
            left -= len(archive_header(file))
            arrived += max(0, min(left, file.size))
            left -= file.size + len(archive_padding(file))
        return arrived


@contextmanager
def link_bench(directory: Path, shell: str, size: int) -> Iterator[LinkBench]:
    """A terminal with this shell, and a release with so many new bytes."""
    far = make_far(directory, shell)
    place = directory / "sshd"
    place.mkdir()
    with running_openssh(place, far.home, far.tools) as server:
        bench = LinkBench(far, server, directory / "image", release(OLD_VERSION, size), release("2.0", size))
        first = far.push(steps(OLD_VERSION), bench.old, attempt="01d0")
        assert first.story.ending is TerminalState.UPGRADED
        (far.root / "current/state").mkdir()
        (far.root / "current/state/applied").write_text("")
        shutil.copytree(far.home, bench.image, symlinks=True)
        whole, link = bench.push(1)
        assert whole.ending is TerminalState.UPGRADED, whole
        bench.passed = dict(link.passed)
        yield bench
