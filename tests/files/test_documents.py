"""YAML files as models: everything that can be wrong is told with its line and a hint."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.errors import MistakesError
from fleet.files import read_model
from fleet.model.base import unprintable
from fleet.model.playbook import Playbook, RunStep

GOOD = """\
name: upgrade
account: {user: client, root: opt/client}
steps:
  - step: preflight
    min_free_kb: 64
  - step: run
    command: {words: [echo, "08:00"]}
    irreversible: true
"""


def told(tmp_path: Path, text: str | bytes) -> list[str]:
    file = tmp_path / "playbook.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(MistakesError) as caught:
        read_model(file, Playbook)
    return [line.replace(f"{tmp_path}/", "") for line in caught.value.lines("en")[:-1]]


def test_a_good_file_becomes_the_model(tmp_path: Path) -> None:
    file = tmp_path / "playbook.yaml"
    file.write_text(GOOD)

    playbook = read_model(file, Playbook)

    assert [step.name for step in playbook.steps] == ["preflight", "run"]
    run = playbook.steps[1]
    assert isinstance(run, RunStep)
    assert run.command.words == ("echo", "08:00")


def test_words_stay_the_text_that_was_written(tmp_path: Path) -> None:
    file = tmp_path / "playbook.yaml"
    file.write_text(GOOD.replace('[echo, "08:00"]', "[4.20, no, 08:00, 0x10]"))

    run = read_model(file, Playbook).steps[1]

    assert isinstance(run, RunStep)
    assert run.command.words == ("4.20", "no", "08:00", "0x10")


@pytest.mark.parametrize(
    ("written", "instead", "lines"),
    [
        ("min_free_kb", "min_fre_kb", ["playbook.yaml:5: unknown key `min_fre_kb`", "hint: did you mean `min_free_kb`?"]),
        ("name: upgrade\n", "", ["playbook.yaml:1: `name` is missing"]),
        ("user: client, ", "", ["playbook.yaml:2: `user` is missing"]),
        ("step: preflight", "step: preflght", ["playbook.yaml:4: `step` cannot be `preflght`", "hint: did you mean `preflight`?"]),
        ("step: preflight\n    ", "", ["playbook.yaml:4: `step` is missing"]),
        ("64", "many", ["playbook.yaml:5: `min_free_kb` cannot be `many`", "hint: a whole number is needed here"]),
        ("64", "-1", ["playbook.yaml:5: `min_free_kb` cannot be `-1`", "hint: it must be at least 0"]),
        ("min_free_kb: 64", "min_free_kb:", ["playbook.yaml:5: `min_free_kb` is empty", "hint: a whole number is needed here"]),
        (
            "root: opt/client",
            "root: ../etc",
            [
                "playbook.yaml:2: `root` cannot be `../etc`",
                "hint: use a path of letters, digits and `._+@-`, without `..`, hidden parts or spaces",
            ],
        ),
        (
            "    irreversible: true\n",
            "",
            ["playbook.yaml:6: `steps`: give both `check` and `undo`, or say `irreversible: true`"],
        ),
        (
            "name: upgrade",
            "name: upgrade\nname: other",
            ["playbook.yaml:2: `name` is given twice", "hint: the first is in line 1; keep one"],
        ),
        (
            "irreversible: true",
            "irreversible: maybe",
            ["playbook.yaml:8: `irreversible` cannot be `maybe`", "hint: `true` or `false` is needed here"],
        ),
    ],
)
def test_a_wrong_key_or_value_is_told_with_line_and_hint(tmp_path: Path, written: str, instead: str, lines: list[str]) -> None:
    assert written in GOOD

    found = told(tmp_path, GOOD.replace(written, instead, 1))

    assert found == lines


def test_every_mistake_is_told_at_once_in_line_order(tmp_path: Path) -> None:
    text = GOOD.replace("upgrade", "up grade").replace("64", "x").replace('[echo, "08:00"]', "")

    found = [line.partition(": ")[0] for line in told(tmp_path, text) if not line.startswith("hint")]

    assert found == ["playbook.yaml:1", "playbook.yaml:5", "playbook.yaml:7"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"", "playbook.yaml:1: the file is empty"),
        (b"- a\n- b\n", "playbook.yaml:1: `key: value` lines are needed here"),
        (b"name: a\n\tsteps: b\n", "playbook.yaml:2: not YAML: "),
        (b"name: 'a\nsteps: b\n", "playbook.yaml:3: not YAML: "),
        (b"name: [a\n", "playbook.yaml:2: not YAML: "),
        (b"name: a\n---\nname: b\n", "playbook.yaml:2: a second document begins"),
        (b"name: a\nb: " + b"[" * 100_000, "playbook.yaml:2: nested deeper than 32 levels"),
        (b"name: a\nb: \x00\n", "playbook.yaml:2: character <U+0000> is not allowed"),
        (b"\xff\xfen\x00", "playbook.yaml: the file is UTF-16"),
        (b"name: a\nb: \xff\xff\n", "playbook.yaml:2: neither UTF-8 nor GB18030: byte 0xff does not fit"),
        ("name: 青湾\n区".encode()[:-1], "playbook.yaml:2: broken UTF-8: byte 0xe5 does not fit"),
    ],
)
def test_a_broken_file_is_one_clear_mistake(tmp_path: Path, text: bytes, line: str) -> None:
    found = told(tmp_path, text)

    assert found[0].startswith(line)
    assert len(found) == 2
    assert found[1].startswith("hint: ")


@pytest.mark.parametrize(
    ("written", "instead", "line"),
    [
        ("name: upgrade", "name: &x upgrade", "playbook.yaml:1: anchors and aliases (`&`, `*`) are not taken"),
        ("name: upgrade", "name: *x", "playbook.yaml:1: anchors and aliases (`&`, `*`) are not taken"),
        ("name: upgrade", "name: !!x upgrade", "playbook.yaml:1: tag `tag:yaml.org,2002:x` is not taken"),
        ("name: upgrade", "name: upgrade\n[a, b]: c", "playbook.yaml:2: a key must be a word"),
    ],
)
def test_yaml_that_is_legal_but_not_taken_does_not_hide_what_follows(tmp_path: Path, written: str, instead: str, line: str) -> None:
    found = [line for line in told(tmp_path, GOOD.replace(written, instead).replace("64", "many")) if not line.startswith("hint")]

    assert found[0] == line
    assert [rest.partition(": ")[2] for rest in found[1:]] == ["`min_free_kb` cannot be `many`"]


def test_a_missing_file_is_a_mistake_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(MistakesError, match="no such file"):
        read_model(tmp_path / "none.yaml", Playbook)


def test_a_directory_is_a_mistake_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(MistakesError, match="this is a directory"):
        read_model(tmp_path, Playbook)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_is_read_in_each_encoding(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "playbook.yaml"
    file.write_bytes((GOOD + "description: 青湾区定点药店升级𠮷\n").encode(encoding))

    assert read_model(file, Playbook).description == "青湾区定点药店升级𠮷"


def test_nothing_in_a_value_can_steer_the_screen(tmp_path: Path) -> None:
    found = told(tmp_path, GOOD.replace("64", '"\\e[31m\\u202ex"'))

    assert found[0] == "playbook.yaml:5: `min_free_kb` cannot be `<U+001B>[31m<U+202E>x`"


@settings(max_examples=150)
@given(
    data=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))),
    cut=st.integers(0, 200),
)
def test_malformed_bytes_never_give_anything_but_mistakes(tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int) -> None:
    file = tmp_path_factory.getbasetemp() / "arbitrary.yaml"
    good = GOOD.encode()
    file.write_bytes(good[:cut] + data + good[cut:])

    lines: list[str] = []
    try:
        read_model(file, Playbook)
    except MistakesError as error:
        lines = error.lines("en")

    assert all(unprintable(line) is None for line in lines)
