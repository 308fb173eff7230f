"""A step's tries whose waits grow: what is compiled, and how long each of the shells in the field waits."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import PreflightStep, ProbeStep, RetryOn, RetryPolicy, RunStep, Step
from fleet.terminal.backoff import waits_of
from fleet.terminal.compile import compile_program
from tests.terminal.field import Far, build, make_far, playbook, upgrade_steps, words

RELEASE = build("2.0")
SLEEP = """\
#!{sh}
printf '%s\\n' "$1" >>"$HOME/slept"
"""


def never_sleeping(far: Far) -> None:
    """Its `sleep` writes down how long it was to take, and returns at once."""
    sleep = far.tools / "sleep"
    sleep.unlink()
    sleep.write_text(SLEEP.format(sh=far.tools / "sh"))
    sleep.chmod(0o755)


def slept(far: Far) -> list[Decimal]:
    """What it was to sleep, in seconds."""
    log = far.home / "slept"
    return [Decimal(line) for line in log.read_text().splitlines()] if log.exists() else []


def failing(policy: RetryPolicy, *, timeout_s: float = 3600) -> RunStep:
    """A step whose command never succeeds, and counts its tries."""
    command = words("sh", "-c", 'printf x >>"$HOME/tries"; exit 1')
    return RunStep(name="stubborn", command=command, irreversible=True, retry=policy, timeout_s=timeout_s)


def tries(far: Far) -> int:
    return len((far.home / "tries").read_text())


def test_each_wait_is_so_many_times_as_long_as_the_one_before_up_to_the_longest(far: Far) -> None:
    never_sleeping(far)

    pushed = far.push([failing(RetryPolicy(attempts=6, wait_s=1, factor=2, most_wait_s=5))])

    assert (pushed.story.ending, pushed.story.cause, tries(far)) == (TerminalState.FAILED, Cause.COMMAND_FAILED, 6)
    plain = [Decimal(1), Decimal(2), Decimal(4), Decimal(5), Decimal(5)]
    assert len(slept(far)) == len(plain)
    for wait, middle in zip(slept(far), plain, strict=True):
        assert middle * 3 / 4 - Decimal("0.01") <= wait <= min(middle * 5 / 4, Decimal(5))


def test_no_wait_is_longer_than_the_longest_however_it_is_spread(far: Far) -> None:
    never_sleeping(far)
    policy = RetryPolicy(attempts=10, wait_s=0.5, factor=1.5, most_wait_s=1.05)

    for last in (0x00, 0x55, 0xAA, 0xFF):
        far.push([failing(policy)], attempt=f"{last:016x}")

    waits = slept(far)
    assert len(waits) == 4 * 9
    assert max(waits) == Decimal("1.05")
    assert len(set(waits)) > 9


def test_a_longest_wait_alone_cuts_what_spreads_a_constant_one(far: Far) -> None:
    never_sleeping(far)

    for last in (0x00, 0x55, 0xAA, 0xFF):
        far.push([failing(RetryPolicy(attempts=4, wait_s=2, most_wait_s=2))], attempt=f"{last:016x}")

    assert max(slept(far)) == Decimal(2)
    assert min(slept(far)) >= Decimal("1.5")


@pytest.mark.parametrize(("most_s", "longest"), [(0.05, "0.05"), (0.5, "0.50"), (1.0, "1.00"), (10.07, "10.07")])
def test_the_longest_wait_is_slept_as_it_stands_in_the_playbook(far: Far, most_s: float, longest: str) -> None:
    never_sleeping(far)

    for last in (0x55, 0xAA, 0xFF):
        far.push([failing(RetryPolicy(attempts=4, wait_s=most_s, factor=10, most_wait_s=most_s))], attempt=f"{last:016x}")

    assert max(slept(far)) == Decimal(longest)


def test_waits_of_less_than_a_second_are_slept_for_real_and_the_command_succeeds_at_last(far: Far) -> None:
    command = words("sh", "-c", 'printf x >>"$HOME/tries"; [ "$(cat "$HOME/tries")" = xxx ]')
    step = RunStep(name="third", command=command, irreversible=True, retry=RetryPolicy(attempts=3, wait_s=0.01, factor=2))

    assert far.push([step]).story.ending is TerminalState.UPGRADED
    assert tries(far) == 3


def test_a_wait_that_the_step_has_no_time_for_is_not_begun(far: Far) -> None:
    never_sleeping(far)

    pushed = far.push([failing(RetryPolicy(attempts=9, wait_s=2, factor=10), timeout_s=15)])

    assert [wait < 3 for wait in slept(far)] == [True]
    assert (tries(far), pushed.story.cause, pushed.story.detail) == (2, Cause.COMMAND_FAILED, "exit 1")


def test_trouble_that_the_policy_does_not_name_ends_the_step_at_once(far: Far) -> None:
    never_sleeping(far)
    only_timeouts = RetryPolicy(attempts=4, wait_s=1, factor=2, on=(RetryOn.TIMEOUT,))

    far.push([failing(only_timeouts)])

    assert (slept(far), tries(far)) == ([], 1)


def test_a_command_that_takes_too_long_is_tried_again_with_growing_waits(far: Far) -> None:
    sleeper = (far.tools / "sleep").resolve()
    (far.tools / "nap").symlink_to(sleeper)
    never_sleeping(far)
    nap = (str(sleeper), "sleep", "30") if sleeper.name == "busybox" else ("nap", "30")
    policy = RetryPolicy(attempts=3, wait_s=1, factor=3, on=(RetryOn.TIMEOUT,))
    step = RunStep(name="slow", command=words(*nap, timeout_s=1), irreversible=True, retry=policy)

    pushed = far.push([step])

    assert pushed.story.cause is Cause.COMMAND_TIMEOUT
    assert [3 * n / 4 <= wait <= 5 * n / 4 for n, wait in zip((Decimal(1), Decimal(3)), slept(far), strict=True)] == [True, True]


@given(
    attempts=st.integers(1, 10),
    wait=st.floats(0, 3600),
    factor=st.floats(1, 10),
    most=st.none() | st.floats(0, 1),
)
def test_waits_never_shrink_and_never_pass_the_longest(attempts: int, wait: float, factor: float, most: float | None) -> None:
    most_wait_s = None if most is None else max(0.01, wait + most * (3600 - wait))
    waits = waits_of(RetryPolicy(attempts=attempts, wait_s=wait, factor=factor, most_wait_s=most_wait_s))

    assert len(waits) == attempts - 1
    assert list(waits) == sorted(waits)
    assert all(first <= each <= 360_000 for first, each in zip(waits, waits, strict=True))
    assert all(each <= round((most_wait_s or 3600) * 100) for each in waits)


@pytest.mark.parametrize("policy", [RetryPolicy(attempts=3), RetryPolicy(attempts=3, factor=1.0, most_wait_s=None)])
def test_a_policy_without_growing_waits_compiles_as_it_always_did(policy: RetryPolicy) -> None:
    steps: list[Step] = [PreflightStep(name="preflight"), failing(policy)]

    text = compile_program(playbook(steps), steps, None, "2.0").text

    assert "slower" not in text
    assert "attempt 3 1 'timeout command' 20 sh -c" in text


def test_a_policy_without_growing_waits_is_written_as_it_always_was() -> None:
    assert RetryPolicy(attempts=3).model_dump(mode="json") == {"attempts": 3, "wait_s": 1.0, "on": ["timeout", "command"]}


def test_a_program_brings_the_growing_waits_only_where_a_step_wants_them() -> None:
    plain = upgrade_steps("2.0")
    probe = ProbeStep(name="again", command=words("true"), retry=RetryPolicy(attempts=4, wait_s=0.5, factor=3, most_wait_s=4))

    with_growing = compile_program(playbook([*plain, probe]), [*plain, probe], RELEASE.artifact, "2.0").text

    assert "attempt_slower" not in compile_program(playbook(plain), plain, RELEASE.artifact, "2.0").text
    assert "\nattempt_slower() {\n" in with_growing
    assert "\nattempt_slower '0.50 1.50 4.00' 4.00 4 'timeout command' 20 true\n" in with_growing


@pytest.mark.needs("dash")
def test_waits_are_whole_seconds_where_sleep_knows_no_fractions(tmp_path: Path) -> None:
    far = make_far(tmp_path, "dash")
    never_sleeping(far)
    (far.tools / "sleep").write_text(f'#!{far.tools / "sh"}\ncase $1 in *.*) exit 1 ;; esac\nprintf \'%s\\n\' "$1" >>"$HOME/slept"\n')

    far.push([failing(RetryPolicy(attempts=3, wait_s=1, factor=4))])

    assert [wait == int(wait) for wait in slept(far)] == [True, True]
    assert slept(far)[0] < slept(far)[1]
