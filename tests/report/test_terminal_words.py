"""What comes from a terminal, put into the reader's language."""

import re
from pathlib import Path

import pytest

import fleet.terminal
from fleet.model.plan import Stratum, stratum_words
from fleet.model.playbook import KeySource, StepKind
from fleet.model.step_words import step_words
from fleet.report.terminal_words import SENTENCES, detail_words, fact_words, key_source_words
from fleet.text import Message, render

PROGRAM = "\n".join(file.read_text("utf-8") for file in Path(fleet.terminal.__file__).parent.glob("*.sh"))


def test_a_step_named_after_its_kind_is_told_in_the_readers_language_and_any_other_as_it_is_named() -> None:
    assert [render(step_words(name), "zh_CN") for name in ("preflight", "stage", "swipe-test")] == ["预检", "暂存", "swipe-test"]
    assert [render(step_words(kind.value), "en") for kind in StepKind] == [kind.value for kind in StepKind]


@pytest.mark.parametrize("sentence", SENTENCES, ids=str)
def test_every_sentence_that_is_translated_is_one_the_program_says(sentence: Message) -> None:
    said = r"[^\n]*?".join(re.escape(part) for part in re.split(r"\{\w+\}", sentence.text))

    assert re.search(said, PROGRAM)


def test_what_the_program_says_of_a_failed_step_keeps_its_numbers() -> None:
    assert render(detail_words("4 KiB free, 2052 KiB needed"), "zh_CN") == "剩余 4 KiB，需要 2052 KiB"
    assert render(detail_words("4 KiB free, 2052 KiB needed"), "en") == "4 KiB free, 2052 KiB needed"


@pytest.mark.parametrize("said", ["", "{free} KiB", "4 KiB free, 2052 KiB needed, says the client", "swipe ok"])
def test_what_a_command_of_the_playbook_said_is_left_as_it_came(said: str) -> None:
    assert render(detail_words(said), "zh_CN") == said


def test_facts_and_sources_of_keys_have_words() -> None:
    assert [render(fact_words(name), "zh_CN") for name in ("signature", "swipe")] == ["签名", "swipe"]
    assert all(render(key_source_words(source), "en") == source.value for source in KeySource)


def test_a_stratum_is_told_in_the_readers_language_with_its_vendor_as_it_is() -> None:
    stratum = str(Stratum(kind="hospital", vendor="heron", size="large"))

    assert render(stratum_words(stratum), "zh_CN") == "医院 / heron / 大型"
    assert render(stratum_words(stratum), "en") == stratum
    assert render(stratum_words("something else"), "zh_CN") == "something else"
