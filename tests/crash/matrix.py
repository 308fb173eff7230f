"""One point of the matrix: prepare, cut, look, boot or not, push again, look again, and see that nothing is left to do."""

from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from fleet.model.attempt import TerminalState
from tests.crash.machine import Call, Cut, Fault, How, Machine, undurable
from tests.crash.scenarios import (
    Scenario,
    journal_state,
    live_release,
    live_things,
    save,
    snapshot,
    wrong_after_boot,
    wrong_at_the_end,
    wrong_with,
    wrong_with_story,
)
from tests.terminal.field import Far, make_far

FIRST = "aaaa"
LATER = "bbbb"
LONG = 8
"""Writes to one file."""


@dataclass
class Bench:
    """A scenario on one shell: its machine, the image it begins from, and the calls of its push when nothing goes wrong."""

    scenario: Scenario
    machine: Machine
    image: Path
    calls: list[Call] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.machine.far.root

    def cut_points(self, how: How) -> list[int]:
        """The calls where this cut differs from a plain kill; all of them for the kill. Of a long text three writes stand for all."""
        within = self._within_texts()
        everywhere = [at for at in range(1, len(self.calls) + 1) if at not in within]
        if how is How.TORN:
            return [at for at in everywhere if self.calls[at - 1].what == "write"]
        if how is How.POWER:
            return [at for at in everywhere if undurable(self.calls[: at - 1])]
        return everywhere

    def _within_texts(self) -> set[int]:
        """Of more than LONG writes to one file in a row, nothing between them, all but the first, the one in the middle and the last.

        bash writes every line by itself, and the program it puts down has more than a hundred.
        """
        left_out: set[int] = set()
        for (what, _), run in groupby(enumerate(self.calls, 1), key=lambda numbered: (numbered[1].what, numbered[1].inode)):
            numbers = [at for at, _ in run]
            if what == "write" and len(numbers) > LONG:
                left_out.update(set(numbers) - {numbers[0], numbers[len(numbers) // 2], numbers[-1]})
        return left_out

    def survive(self, *troubles: Cut | Fault) -> list[str]:
        """Meet these troubles, one a push; returns what was wrong, at best nothing."""
        boots, same_attempt = mend_after(troubles)
        self.machine.restored_to(self.image)
        live = live_things(self.root)
        wrong = []
        is_staged = False
        for trouble in troubles:
            with self.machine.watched(trouble):
                pushed = self.scenario.push(self.machine, FIRST)
            wrong += wrong_with(self.scenario, self.root) + wrong_with_story(self.scenario, pushed, self.root)
            is_staged = pushed.story.ending is TerminalState.STAGED
            if self.scenario.stages and live_things(self.root) != live:
                wrong.append("staging touched what is live")
        if boots:
            with self.machine.watched():
                self.machine.boot()
            wrong += wrong_after_boot(self.scenario, self.root)
        return [f"{troubles}: {words}" for words in wrong + self._heal(same_attempt=same_attempt, is_staged=is_staged)]

    def _heal(self, *, same_attempt: bool, is_staged: bool) -> list[str]:
        # An attempt that came to its end is only told again; it is another one that heals. So it is on the night after staging.
        same_attempt = same_attempt and not has_ended(self.root) and not self.scenario.stages
        upgrade = self._upgrades(same_attempt=same_attempt)
        attempt = FIRST if same_attempt else LATER
        with self.machine.watched():  # without trouble; it spares the test the wait for a real disk
            pushed = self.scenario.heal(self.machine, attempt)
        wrong = wrong_at_the_end(self.scenario, pushed, self.root, upgrade=upgrade)
        if is_staged and pushed.asked_for:
            wrong.append(f"it said staged, and was sent {pushed.asked_for} all the same")
        if upgrade:
            before = snapshot(self.root)
            with self.machine.watched():
                again = self.scenario.heal(self.machine, "cccc")
            if not again.story.in_place or snapshot(self.root) != before:
                wrong.append(f"one more push found something to do: {again.story.ending} {again.story.cause}")
        return wrong

    def _upgrades(self, *, same_attempt: bool) -> bool:
        """Whether the next push has to end on the new release: a sick one never does, and a decision to go back stands."""
        if self.scenario.is_sick(self.machine.far):
            return False
        decided = journal_state(self.root) in ("back", "restored") and _why(self.root) != "-"
        return not (same_attempt and decided)


def _why(root: Path) -> str:
    """The cause in the journal's last line."""
    return (root / ".fleet/journal").read_text().split()[-2]


def make_bench(directory: Path, shell: str, shim: Path, scenario: Scenario) -> Bench:
    """Prepare a scenario on a shell, and count the calls of its push."""
    far: Far = make_far(directory, shell)
    scenario.prepare(far)
    image = directory / "image"
    save(far, image)
    bench = Bench(scenario, Machine(far, shim), image)
    with bench.machine.watched():
        pushed = scenario.push(bench.machine, FIRST)
    bench.calls = list(bench.machine.calls)
    assert pushed.story.ending is scenario.ending, pushed
    assert live_release(bench.root)[0]
    return bench


def has_ended(root: Path) -> bool:
    """Whether the first attempt's report has its last line, whole."""
    report = root / ".fleet/runs" / FIRST / "report"
    return report.exists() and any(
        line.startswith(b"end ") and line.endswith(b"\n") for line in report.read_bytes().splitlines(keepends=True)
    )


def mend_after(troubles: tuple[Cut | Fault, ...]) -> tuple[bool, bool]:
    """Whether the terminal boots, and whether the same attempt is made again: every way is taken by some of the points."""
    at = sum(trouble.at for trouble in troubles)
    return at % 2 == 0, at // 2 % 2 == 0
