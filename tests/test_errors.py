"""What stops us, in words."""

import errno
import os
from pathlib import Path

import pytest

from fleet.errors import (
    ConflictError,
    FleetError,
    InputError,
    InternalError,
    Mistake,
    MistakesError,
    NotAllowedError,
    WaitingError,
    system_words,
)
from fleet.text import N_, render


def test_an_error_says_what_where_and_how_to_mend_it() -> None:
    error = FleetError(N_("{file} is damaged", file="client.tar.gz"), where="wave 2", hint=N_("send it again"))

    assert str(error) == "client.tar.gz is damaged\n  at: wave 2\nhint: send it again"


def test_why_the_system_refused_is_told_in_the_readers_language(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as refusal:
        (tmp_path / "nothing").read_text("utf-8")

    assert render(system_words(refusal.value), "zh_CN") == "文件或目录不存在"


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOSPC, errno.ENAMETOOLONG, errno.EXDEV])
def test_why_the_system_refused_is_told_in_english_as_the_system_says_it(number: int) -> None:
    assert render(system_words(OSError(number, os.strerror(number))), "en") == os.strerror(number)


def test_an_error_without_place_and_hint_is_one_line() -> None:
    assert FleetError(N_("no")).lines() == ["no"]


def test_every_mistake_of_all_files_is_named_in_file_and_line_order() -> None:
    error = MistakesError(
        [
            Mistake("sites.csv", 12, N_("unknown district `{code}`", code="x9"), N_("did you mean `{word}`?", word="x1")),
            Mistake("sites.csv", 3, N_("the name is empty")),
            Mistake("people.csv", 0, N_("no column `{name}`", name="code")),
        ]
    )

    assert error.lines("en") == [
        "people.csv: no column `code`",
        "sites.csv:3: the name is empty",
        "sites.csv:12: unknown district `x9`",
        "hint: did you mean `x1`?",
        "3 mistakes; nothing was changed",
    ]


def test_one_mistake_is_counted_as_one() -> None:
    assert MistakesError([Mistake("a.csv", 1, N_("no"))]).lines()[-1] == "1 mistake; nothing was changed"


@pytest.mark.parametrize(
    ("kind", "code"),
    [(FleetError, 1), (InputError, 2), (NotAllowedError, 2), (ConflictError, 2), (WaitingError, 3), (InternalError, 70)],
)
def test_each_kind_has_the_exit_code_of_the_doors(kind: type[FleetError], code: int) -> None:
    assert kind(N_("no")).exit_code == code


def test_all_mistakes_of_files_are_a_wrong_request() -> None:
    assert MistakesError([]).exit_code == 2
