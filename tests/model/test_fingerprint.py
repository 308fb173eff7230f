"""Laws of a failure's fingerprint: what is a terminal's own never counts, what happened always does."""

from ipaddress import IPv4Address

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fleet.model.attempt import Cause, TerminalState
from fleet.model.fingerprint import GROUPED, fingerprint_of, normalised

HOSTS = st.one_of(
    st.integers(1, 2**32 - 1).map(lambda number: str(IPv4Address(number))),
    st.from_regex(r"[a-z]{2,8}-[0-9]{1,4}", fullmatch=True),
    st.from_regex(r"[a-z]{2,8}\.[a-z]{2,8}\.(invalid|example)", fullmatch=True),
    st.builds("{}:{}".format, st.integers(1, 2**32 - 1).map(lambda number: str(IPv4Address(number))), st.integers(1, 65535)),
)
PATHS = st.lists(st.from_regex(r"[a-z][a-z0-9._-]{0,9}", fullmatch=True), min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
NUMBERS = st.integers(0, 10**9).map(str)
TIMES = st.datetimes().flatmap(
    lambda at: st.sampled_from([at.isoformat(" ", "seconds"), at.isoformat(), f"{at:%H:%M:%S}", f"{at:%b} {at.day} {at:%H:%M:%S}"])
)
DIGESTS = st.from_regex(r"[0-9a-f]{12,64}", fullmatch=True).filter(lambda text: any(c.isdigit() for c in text))
SENTENCES = (
    "cannot write {path}: no space left on device",
    "{time} {host}: write error on {path} after {number} bytes",
    "expected digest {digest} for {path}, found another",
    "无法写入 {path}：磁盘已满（剩余 {number} KB）",
    "ssh: connect to host {host} port {number}: connection refused",
)
FILLED = st.fixed_dictionaries({"host": HOSTS, "path": PATHS, "number": NUMBERS, "time": TIMES, "digest": DIGESTS})


def failed(detail: str, *, cause: Cause = Cause.COMMAND_FAILED, step: str = "stage", **more: object) -> str | None:
    return fingerprint_of(TerminalState.FAILED, cause, step, detail, **more)  # type: ignore[arg-type]


ONE = {"host": "0.0.0.1", "path": "/a", "number": "0", "time": "2000-01-01 00:00:00", "digest": "0" * 12}


@given(sentence=st.sampled_from(SENTENCES), one=FILLED, other=FILLED)
@example(sentence=SENTENCES[1], one=ONE, other=ONE | {"host": "0.0.0.1:10"})  # 1:10 is no time there
def test_the_same_failure_on_another_host_path_number_or_time_is_the_same_group(
    sentence: str, one: dict[str, str], other: dict[str, str]
) -> None:
    assert failed(sentence.format(**one)) == failed(sentence.format(**other)), (sentence.format(**one), normalised(sentence.format(**one)))


@given(one=FILLED, other=FILLED, pair=st.permutations(SENTENCES).map(lambda sentences: sentences[:2]))
def test_different_failures_are_different_groups(one: dict[str, str], other: dict[str, str], pair: list[str]) -> None:
    assert failed(pair[0].format(**one)) != failed(pair[1].format(**other))


@given(
    detail=st.text(max_size=60),
    one=st.tuples(st.sampled_from(sorted(GROUPED)), st.sampled_from(Cause), st.sampled_from(["stage", "activate"])),
    other=st.tuples(st.sampled_from(sorted(GROUPED)), st.sampled_from(Cause), st.sampled_from(["stage", "activate"])),
)
def test_another_ending_cause_or_step_is_another_group(
    detail: str, one: tuple[TerminalState, Cause, str], other: tuple[TerminalState, Cause, str]
) -> None:
    assume(one != other)

    assert fingerprint_of(*one, detail) != fingerprint_of(*other, detail)


@given(text=st.text(max_size=200))
def test_any_text_is_taken_and_taking_it_twice_changes_nothing(text: str) -> None:
    once = normalised(text)

    assert normalised(once) == once
    assert len(failed(text) or "") == 16


@pytest.mark.parametrize("name", ["东门药店", "百姓缘大药房（解放路店）", "pharmacy-012", "t03", "pos.dongmen.example", "h1"])
def test_the_names_of_the_site_and_the_terminal_do_not_count(name: str) -> None:
    names = [name, "127.0.0.1"]

    assert failed(f"{name}: 无法连接收单网关", names=names) == failed("西门药店: 无法连接收单网关", names=["西门药店"])
    assert failed(f"cannot start the client at {name}", names=names) == failed("cannot start the client at x9", names=["x9"])


def test_a_name_is_taken_out_only_as_a_whole_word() -> None:
    assert normalised("that is a stage", names=["a"]) == "that is # stage"


def test_the_last_line_of_the_log_that_speaks_of_trouble_tells_failures_apart() -> None:
    quiet = ["copying", "error: no space left on device (12 KB)", "cleaning up"]
    loud = ["copying", "error: permission denied on /opt/client", "cleaning up"]

    assert failed("exit 1", log=quiet) == failed("exit 2", log=["error: no space left on device (99 KB)"])
    assert failed("exit 1", log=quiet) != failed("exit 1", log=loud)
    assert failed("exit 1", log=["copying", "done"]) == failed("exit 1")


def test_what_technicians_write_does_not_tell_self_tests_apart() -> None:
    assert failed("屏幕不亮", cause=Cause.SELF_TEST) == failed("no paper", cause=Cause.SELF_TEST)


@pytest.mark.parametrize("ending", sorted(set(TerminalState) - GROUPED))
def test_what_did_not_end_badly_has_no_fingerprint(ending: TerminalState) -> None:
    assert fingerprint_of(ending, Cause.NONE, "", "") is None
