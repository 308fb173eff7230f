"""What a playbook may ask of its gate, what is refused, and that plans from before keep their digest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import MistakesError
from fleet.model.gate import SwipeRule
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.playbook import Command, GateRule, Playbook, ProbeStep, When
from fleet.model.release import Release
from fleet.plan import make_plan, read_playbook
from fleet.rollout import gate_lines
from fleet.text import render

HEAD = """\
name: small
account: {user: cardclient, root: client}
steps:
  - step: preflight
"""
BEFORE = "  - {step: probe, name: before, when: before, command: [bin/swipe]}\n"
REST = """\
  - step: stage
  - {step: bind-key, key: born-here}
  - {step: activate, probe: [bin/health]}
  - {step: probe, command: [bin/swipe]}
"""

Read = Callable[[str], Playbook]


@pytest.fixture
def plan(make_fleet: Callable[..., Fleet], playbook: Playbook, release: Release) -> Plan:
    """The playbook that ships, over a small fleet."""
    return make_plan(make_fleet(*((f"p{n}", "pharmacy", 1, {}) for n in range(9))), playbook, release)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_text(text: str) -> Playbook:
        file = tmp_path / "playbook.yaml"
        file.write_text(text, encoding="utf-8")
        return read_playbook(file)

    return read_text


def test_a_gate_reads_all_that_it_may_ask(read: Read) -> None:
    gate = "gate: {soak_s: 1800, causes: {key-conflict: 0}, bindings: true, swipe: {target_s: 4, percentile: 95}, four_eyes: true}\n"

    playbook = read(HEAD + BEFORE + REST + gate)

    asked = GateRule(soak_s=1800, causes={"key-conflict": 0}, bindings=True, swipe=SwipeRule(target_s=4, percentile=95), four_eyes=True)
    assert playbook.gate == asked
    assert asked.swipe is not None
    assert asked.swipe.min_pairs == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + BEFORE + REST + "gate:\n  causes: {key-conflit: 0}\n", ["there is no cause `key-conflit`", "did you mean `key-conflict`?"]),
        (HEAD + "gate:\n  bindings: true\n", ["the gate asks for key bindings, and no step binds a key"]),
        (
            HEAD + REST + "gate:\n  swipe: {target_s: 4}\n",
            ["no step measures them on both clients", "add a probe step with `when: before`"],
        ),
        (HEAD + BEFORE + "gate:\n  swipe: {target_s: 4}\n", ["no step measures them on both clients", "add a probe step behind activate"]),
        (HEAD + REST + BEFORE, ["measures what is live before anything is touched", "put it first, or behind preflight"]),
        (HEAD + BEFORE.replace("}", ", expect: {swipe: ok}}") + REST, ["what the old client says decides nothing"]),
        (HEAD + BEFORE + REST + "gate:\n  swipe: {min_pairs: 3}\n", ["target_s"]),
        (HEAD + BEFORE + REST + "gate:\n  swipe: {target_s: 4, percentile: 0}\n", ["percentile"]),
        (HEAD + BEFORE + REST + "gate:\n  soak_s: -1\n", ["soak_s"]),
    ],
)
def test_what_cannot_be_asked_is_refused_with_how_to_mend_it(read: Read, text: str, said: list[str]) -> None:
    with pytest.raises(MistakesError) as caught:
        read(text)

    lines = "\n".join(caught.value.lines())
    assert "playbook.yaml:" in lines
    assert [part for part in said if part not in lines] == []


def test_a_probe_before_is_no_program_of_the_new_release(plan: Plan) -> None:
    before = next(step for step in plan.playbook.steps if isinstance(step, ProbeStep) and step.when is When.BEFORE)

    assert all(before.name in program.steps for program in plan.programs.values())


def keys(value: Any) -> set[str]:
    """Every key anywhere in plain data."""
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys(inner)}
    return {key for inner in value for key in keys(inner)} if isinstance(value, list) else set()


def test_a_plan_that_asks_for_nothing_new_is_written_as_before_and_keeps_its_digest() -> None:
    added = {"soak_s", "causes", "bindings", "swipe", "four_eyes"}
    probe = ProbeStep(name="probe", command=Command(words=("bin/swipe",)))

    assert keys(GateRule().model_dump(mode="json")) == {"success", "min_samples", "approval"}
    assert "when" not in probe.model_dump(mode="json")
    for name, value in {"soak_s": 1, "causes": {"busy": 1}, "bindings": True, "four_eyes": True}.items():
        rule = GateRule.model_validate({name: value})
        assert added & keys(rule.model_dump(mode="json")) == {name}
        assert GateRule.model_validate_json(rule.model_dump_json()) == rule
    before = probe.model_copy(update={"when": When.BEFORE})
    assert ProbeStep.model_validate_json(before.model_dump_json()) == before


def test_each_gate_says_how_many_must_be_upgraded_and_whom_it_asks(plan: Plan) -> None:
    lines = [render(line) for line in gate_lines(plan)]

    assert lines[0].startswith("Gate 1: if all ")
    assert lines[-1] == f"Gate {len(plan.waves)} is the last one; nothing opens behind it."
    assert len(lines) == 2 * len(plan.waves)


def test_a_gate_that_can_never_get_its_pairs_says_so_before_the_night(plan: Plan) -> None:
    gate = plan.playbook.gate.model_copy(update={"swipe": SwipeRule(target_s=4, min_pairs=1000)})
    asking = plan.model_copy(update={"playbook": plan.playbook.model_copy(update={"gate": gate})})

    lines = [render(line) for line in gate_lines(asking)]

    assert lines[1].endswith("terminals by SSH are fewer than the 1000 pairs it wants; a person is asked.")
