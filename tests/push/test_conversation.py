"""The conversation: which orders follow from which words, what is believed, and what it all comes to."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.attempt import Cause, TerminalState
from fleet.model.base import unprintable
from fleet.model.playbook import KeySource
from fleet.push.conversation import (
    MAX_FACTS,
    MAX_LINE_BYTES,
    MAX_LOG_LINES,
    MAX_OUTPUT_BYTES,
    Conversation,
    GoOn,
    HangUp,
    Order,
    SendFile,
    SendLastWord,
    Story,
)
from fleet.push.payload import Part
from fleet.terminal.compile import compile_program
from tests.terminal.field import NONCE, VALUES, build, playbook, upgrade_steps

RELEASE = build("2.0")
FILES = RELEASE.artifact.files
STEPS = upgrade_steps("2.0")
PROGRAM = compile_program(playbook(STEPS), STEPS, RELEASE.artifact, "2.0")


def conversation() -> Conversation:
    return Conversation(PROGRAM, RELEASE.artifact, VALUES, NONCE, "a" * 16)


def marked(*lines: str, nonce: str = NONCE) -> bytes:
    """The lines as the program says them."""
    return "".join(f"@{nonce} {line}\n" for line in lines).encode()


def tell(*lines: str) -> tuple[list[Order], Conversation]:
    """A conversation that heard `begin` and then these marked lines, and its orders."""
    talk = conversation()
    return list(talk.feed(marked("begin 1", *lines))), talk


UPGRADE = marked(
    "begin 1",
    "step preflight",
    "done preflight 12",
    "step stage",
    "need 0 2",
    "send",
    "done stage 340",
    "step activate",
    "activating",
    "done activate 560",
    "fact version 2.0",
    "end upgraded none -",
)


ONLY_STAGE = {**VALUES, "only": "stage"}


def tell_stager(*lines: str) -> tuple[list[Order], Conversation]:
    """As `tell`, to a client that wants the release staged and no more."""
    talk = Conversation(PROGRAM, RELEASE.artifact, ONLY_STAGE, NONCE, "a" * 16)
    return list(talk.feed(marked("begin 1", *lines))), talk


def test_a_program_that_says_it_only_stages_gets_its_files_and_ends_staged() -> None:
    orders, talk = tell_stager("only stage", "step stage", "need 0", "send")
    talk.last_word_sent = True
    talk.feed(marked("done stage 340", "end staged none -"))

    assert orders == [SendFile(FILES[0]), SendLastWord()]
    assert (talk.story().ending, talk.story().cause) == (TerminalState.STAGED, Cause.NONE)


def test_a_program_that_does_not_know_how_to_stage_alone_never_gets_the_last_word() -> None:
    orders, talk = tell_stager("step stage", "need 0", "send")

    assert orders == [HangUp(Cause.PROTOCOL)]
    assert (talk.story().ending, talk.story().cause) == (TerminalState.FAILED, Cause.PROTOCOL)


def test_a_program_that_was_not_told_to_stage_alone_may_not_do_so() -> None:
    assert tell("only stage", "need", "send")[0] == [HangUp(Cause.PROTOCOL)]


@pytest.mark.parametrize("line", ["activating", "rolling-back", "end upgraded none -", "end rolled-back probe-failed probe"])
def test_while_staging_nothing_live_may_be_spoken_of(line: str) -> None:
    orders, talk = tell_stager("only stage", line)

    assert orders == [HangUp(Cause.PROTOCOL)]
    assert talk.story().ending is not TerminalState.UPGRADED


def test_an_upgrade_never_ends_staged() -> None:
    orders, talk = tell("end staged none -")

    assert orders == [HangUp(Cause.PROTOCOL)]
    assert talk.story().ending is TerminalState.FAILED


def test_the_opening_is_the_values_an_empty_line_and_the_program() -> None:
    values, _, program = conversation().opening().decode().partition("\n\n")

    assert values.splitlines() == [f"nonce={NONCE}", f"attempt={'a' * 16}", *(f"{name}={value}" for name, value in VALUES.items())]
    assert program == PROGRAM.text


@pytest.mark.parametrize("bad", ["two\nlines", "carriage\rreturn", "nul\0"])
def test_a_value_that_is_not_one_line_is_never_sent(bad: str) -> None:
    talk = Conversation(PROGRAM, None, {"site": bad}, NONCE, "a")

    with pytest.raises(ValueError, match="the value of site is not one line"):
        talk.opening()


def test_exactly_the_files_asked_for_are_sent_and_then_the_last_word() -> None:
    orders, talk = tell("need 0 2", "send")

    assert orders == [SendFile(FILES[0]), SendFile(FILES[2]), SendLastWord()]
    assert talk.story().bytes_saved == FILES[1].size + FILES[3].size


def test_a_program_that_needs_nothing_gets_the_last_word() -> None:
    orders, _ = tell("need", "send")

    assert orders == [SendLastWord()]


PART = "part 700 " + "0a" * 32


def test_a_part_that_the_terminal_holds_is_looked_at_before_the_files_are_sent() -> None:
    orders, _ = tell("need 0 2", PART, "send")

    assert orders == [
        GoOn(Part(700, "0a" * 32), (FILES[0], FILES[2])),
        SendFile(FILES[0]),
        SendFile(FILES[2]),
        SendLastWord(),
    ]


def test_an_upgrade_is_told_step_by_step() -> None:
    talk = conversation()

    orders = talk.feed(UPGRADE)
    story = talk.story()

    assert orders[-1] == HangUp(Cause.NONE)
    assert (story.ending, story.cause, story.step, story.in_place) == (TerminalState.UPGRADED, Cause.NONE, "", False)
    assert [(step.name, step.ok, step.duration_ms) for step in story.steps] == [
        ("preflight", True, 12),
        ("stage", True, 340),
        ("activate", True, 560),
    ]
    assert story.facts == {"version": "2.0"}


def test_what_is_in_place_saved_everything() -> None:
    _, talk = tell("in-place 2.0", "end upgraded none -")

    assert (talk.story().in_place, talk.story().bytes_saved) == (True, RELEASE.artifact.size)


def test_a_failure_names_its_step_its_cause_and_its_detail() -> None:
    _, talk = tell(
        "step activate", "failed activate 70 probe-failed it does not swipe", "rolling-back", "end rolled-back probe-failed activate"
    )
    story = talk.story()

    assert (story.ending, story.cause, story.step) == (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED, "activate")
    assert story.detail == "it does not swipe"
    assert [(step.ok, step.duration_ms, step.detail) for step in story.steps] == [(False, 70, "it does not swipe")]


@pytest.mark.parametrize(
    "lines",
    [
        ("need 0 0", "send"),
        ("need 2 1", "send"),
        ("need 4", "send"),
        ("need -1", "send"),
        ("need 99999999999999999999",),
        ("need x",),
        ("send", "send"),
        ("send", "need 1"),
        (PART, "send"),
        ("need 0", PART, PART),
        ("need 0", "send", PART),
        ("need 0", "part 0 " + "0a" * 32),
        ("need 0", "part 9999999999999999 " + "0a" * 32),
        ("need 0", "part 700"),
        ("need 0", "part 700 " + "0A" * 32),
        ("what",),
        ("",),
        ("end",),
        ("end splendid none -",),
        ("end upgraded because -",),
    ],
)
def test_words_that_make_no_sense_end_the_conversation(lines: Sequence[str]) -> None:
    orders, talk = tell(*lines)

    assert orders[-1] == HangUp(Cause.PROTOCOL)
    assert talk.story().cause is Cause.PROTOCOL
    assert talk.story().ending is TerminalState.FAILED


def test_another_protocol_is_refused() -> None:
    assert conversation().feed(marked("begin 2")) == (HangUp(Cause.PROTOCOL),)


def test_marked_words_before_the_program_began_are_refused() -> None:
    assert conversation().feed(marked("end upgraded none -")) == (HangUp(Cause.PROTOCOL),)


def test_marks_without_the_run_s_nonce_are_log() -> None:
    talk = conversation()

    orders = talk.feed(marked("begin 1") + marked("need 0", "send", "end upgraded none -", nonce="0" * 32) + b"end upgraded none -\n")

    assert orders == ()
    assert not talk.ended
    assert talk.story().log[-1] == "end upgraded none -"


def test_nothing_after_the_end_counts() -> None:
    _, talk = tell("end failed busy -", "fact version 2.0", "end upgraded none -")

    assert (talk.story().ending, talk.story().cause, talk.story().facts) == (TerminalState.FAILED, Cause.BUSY, {})


def test_a_link_that_drops_is_unknown_whatever_was_sent() -> None:
    _, before = tell("step stage")
    _, after = tell("step activate", "activating")
    after.last_word_sent = True

    assert (before.story(Cause.LINK_LOST).ending, before.story(Cause.LINK_LOST).step) == (TerminalState.UNKNOWN, "stage")
    assert (after.story(Cause.LINK_LOST).ending, after.story(Cause.LINK_LOST).step) == (TerminalState.UNKNOWN, "activate")


@pytest.mark.parametrize("cause", [Cause.STOPPED, Cause.DEADLINE, Cause.TOO_MUCH_OUTPUT])
def test_what_we_end_before_the_last_word_has_touched_nothing(cause: Cause) -> None:
    _, talk = tell("step stage")

    assert (talk.story(cause).ending, talk.story(cause).cause) == (TerminalState.FAILED, cause)


@pytest.mark.parametrize("cause", [Cause.DEADLINE, Cause.TOO_MUCH_OUTPUT])
def test_what_we_end_after_the_last_word_is_unknown(cause: Cause) -> None:
    _, talk = tell("step activate")
    talk.last_word_sent = True

    assert (talk.story(cause).ending, talk.story(cause).cause) == (TerminalState.UNKNOWN, cause)


def test_a_shell_without_the_tools_says_so_by_its_exit() -> None:
    talk = conversation()
    talk.feed(b"sh: head: not found")

    story = talk.story(exit_code=127)

    assert (story.ending, story.cause, story.log) == (TerminalState.FAILED, Cause.TOOL_MISSING, ("sh: head: not found",))


def test_a_program_that_exits_without_an_ending_makes_no_sense() -> None:
    assert conversation().story(exit_code=0).cause is Cause.PROTOCOL
    assert conversation().story().cause is Cause.LINK_LOST


@pytest.mark.parametrize("public", ["", "ssh-ed25519 AAAA", "spki AAAA", "spki =", "ecdsa-sha2-nistp256 AAAA", "\x00"])
def test_a_key_that_is_none_is_never_believed(public: str) -> None:
    _, talk = tell("key source born-here", f"key public {public}", "end upgraded none -")
    story = talk.story()

    assert (story.ending, story.cause, story.key) == (TerminalState.UNKNOWN, Cause.PROTOCOL, None)


def test_number_and_check_value_of_a_token_are_taken() -> None:
    _, talk = tell("key source token", "key number UK-0042", "key check 9f2c", "end upgraded none -")
    key = talk.story().key

    assert key is not None
    assert (key.source, key.number, key.check_value) == (KeySource.TOKEN, "UK-0042", "9f2c")


def test_a_terminal_that_says_too_much_is_hung_up_on() -> None:
    talk = conversation()
    talk.feed(marked("begin 1"))

    orders = talk.feed(b"x\n" * MAX_OUTPUT_BYTES)

    assert orders == (HangUp(Cause.TOO_MUCH_OUTPUT),)
    assert talk.feed(UPGRADE) == ()
    assert talk.story().cause is Cause.TOO_MUCH_OUTPUT
    assert len(talk.story().log) == MAX_LOG_LINES


def test_a_line_that_never_ends_is_cut() -> None:
    talk = conversation()

    for _ in range(10):
        talk.feed(b"x" * MAX_LINE_BYTES)
    talk.feed(b"\n" + marked("begin 1"))

    assert talk.begun
    assert max(map(len, talk.story().log)) <= 400


def test_facts_are_bounded_named_and_cleaned() -> None:
    _, talk = tell("fact version \x1b[31m2.0\x1b[0m\u202e", "fact Bad-Name x", *(f"fact f{n} x" for n in range(MAX_FACTS * 2)))
    facts = talk.story().facts

    assert facts["version"] == "2.0"
    assert "Bad-Name" not in facts
    assert len(facts) == MAX_FACTS


def outcome(data: bytes, cuts: Sequence[int]) -> tuple[list[Order], Story, Story]:
    """Orders and stories of a conversation that hears `data` cut at these places."""
    talk = conversation()
    places = sorted({min(cut, len(data)) for cut in cuts})
    orders: list[Order] = []
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        orders.extend(talk.feed(data[start:end]))
    return orders, talk.story(), talk.story(Cause.LINK_LOST)


WORD = st.sampled_from(
    (
        *("begin 1", "begin 9", "need 0 2", "need 1", "need", "send", PART, "in-place r", "activating", "z"),
        *("step stage", "done stage 3", "failed stage 1 disk-full no room", "end upgraded none -", "end failed busy x"),
        *("fact a 1", "key source token", "key number 7", "log x"),
    )
)
NOISE = st.one_of(WORD.map(marked), st.binary(max_size=30), st.just(b"\n"), WORD.map(lambda word: marked(word, nonce="f" * 32)))
SPOKEN = st.one_of(st.lists(NOISE, max_size=12).map(b"".join), st.just(UPGRADE))


@given(SPOKEN, st.lists(st.integers(0, 900), max_size=12))
def test_how_the_bytes_were_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    assert outcome(data, cuts) == outcome(data, [])


@given(st.lists(NOISE, max_size=20))
def test_whatever_a_terminal_says_the_story_can_be_stored_and_shown(pieces: list[bytes]) -> None:
    talk = conversation()

    for piece in pieces:
        talk.feed(piece)
    story = talk.story(Cause.LINK_LOST)

    assert all(unprintable(text) is None for text in (*story.log, story.detail, *story.facts.values()))
    assert story.step in {"", *PROGRAM.steps}


@given(st.lists(NOISE, max_size=20))
def test_the_last_word_is_ordered_once_at_most_and_only_after_begin(pieces: list[bytes]) -> None:
    talk = conversation()

    orders = [order for piece in pieces for order in talk.feed(piece)]

    assert sum(isinstance(order, SendLastWord) for order in orders) <= 1
    assert talk.begun or not any(isinstance(order, SendLastWord | SendFile) for order in orders)
