"""One mistake hides no other: not in its row, not in its file, not in another file."""

from collections.abc import Callable
from pathlib import Path

Write = Callable[..., Path]
Told = Callable[..., list[str]]


def test_the_mistakes_of_all_files_are_told_at_once(write: Write, told: Told, good: dict[str, str]) -> None:
    write(
        districts=good["districts"].replace("青湾区", ""),
        sites=good["sites"].replace("27.1", "x").replace("潮生", "\x07"),
        people=good["people"].replace("technician", "tech"),
    )

    found = [line.split(": ")[0] for line in told() if not line.startswith("hint")]

    assert found == ["districts.csv:3", "people.csv:3", "sites.csv:2", "sites.csv:3"]


def test_all_mistakes_of_one_row_are_told_at_once(write: Write, told: Told, good: dict[str, str]) -> None:
    write(
        sites=good["sites"].replace(
            "中心医院,qingwan,27.1,122.5,08:00-17:00,level=3", "中心医院,qinwan,97.1,122.5,8-17,level3;a=1;a=2;B=3"
        ),
        terminals=good["terminals"].replace("hospital-1,t02,127.0.0.3,22,,KC2,,", "hospitl-1,t 02,,0,,KC1,ssh,"),
        people=good["people"].replace("ben,本,technician,ben,qingwan", "ben,,tech,anna,nowhere"),
    )

    found = [line for line in told() if not line.startswith("hint")]

    assert found == [
        "people.csv:3: `name` is missing",
        "people.csv:3: `role` cannot be `tech`",
        "people.csv:3: `district` is `nowhere`, which is not in districts",
        "people.csv:3: the same system user as at people.csv:2: anna",
        "sites.csv:2: label `level3` has no `=`",
        "sites.csv:2: label `a` is given twice",
        "sites.csv:2: `latitude` cannot be `97.1`",
        "sites.csv:2: `labels` cannot be `B`",
        "sites.csv:2: `district` is `qinwan`, which is not in districts",
        "sites.csv:2: `opening_hours` cannot be `8-17`: `8-17` is no span of time",
        "terminals.csv:3: `code` cannot be `t 02`",
        "terminals.csv:3: `port` cannot be `0`",
        "terminals.csv:3: `site` is `hospitl-1`, which is not in sites",
        "terminals.csv:3: terminal `hospitl-1/t 02` has no host",
        "terminals.csv:3: the same key card as at terminals.csv:2: KC1",
    ]


def test_a_coordinate_that_is_wrong_and_alone_is_told_both(write: Write, told: Told, good: dict[str, str]) -> None:
    write(sites=good["sites"].replace("27.1,122.5", "99,"))

    found = [line for line in told() if not line.startswith("hint")]

    assert found == ["sites.csv:2: `latitude` cannot be `99`", "sites.csv:2: `latitude` without `longitude`"]


def test_a_row_given_twice_is_looked_at_all_the_same(write: Write, told: Told, good: dict[str, str]) -> None:
    write(terminals=good["terminals"].replace("hospital-1,t02,127.0.0.3,22", "hospital-1,t01,127.0.0.3,ssh"))

    found = [line for line in told() if not line.startswith("hint")]

    assert found == ["terminals.csv:3: `hospital-1/t01` is given twice", "terminals.csv:3: `port` cannot be `ssh`"]


def test_rows_under_a_missing_column_are_looked_at_all_the_same(write: Write, told: Told, good: dict[str, str]) -> None:
    write(sites=good["sites"].replace("district,latitude", "distrct,latitude").replace("08:00-17:00", "8-17").replace("潮生药房", ""))

    found = [line for line in told() if not line.startswith("hint")]

    assert found == [
        "sites.csv:1: unknown column `distrct`",
        "sites.csv:1: column `district` is missing",
        "sites.csv:2: `opening_hours` cannot be `8-17`: `8-17` is no span of time",
        "sites.csv:3: `name` is missing",
    ]


def test_a_cell_under_no_heading_does_not_hide_those_behind_it(write: Write, told: Told) -> None:
    write(people="code,name,,role,os_user\nanna,安娜,x,boss,An na\n")

    found = [line for line in told() if not line.startswith("hint")]

    assert found == [
        "people.csv:2: `x` stands under no heading",
        "people.csv:2: `role` cannot be `boss`",
        "people.csv:2: `os_user` cannot be `An na`",
    ]


def test_yaml_that_is_legal_but_not_taken_does_not_hide_what_follows(write: Write, told: Told) -> None:
    (write(people=None) / "people.yaml").write_text(
        "- &a\n  code: anna\n  name: !x 安娜\n  role: *a\n- code: ben\n  name: 本\n  role: boss\n  [a]: b\n- *a\n"
    )

    found = [line for line in told() if not line.startswith("hint")]

    assert found == [
        "people.yaml:1: anchors and aliases (`&`, `*`) are not taken",
        "people.yaml:3: tag `!x` is not taken",
        "people.yaml:4: anchors and aliases (`&`, `*`) are not taken",
        "people.yaml:7: `role` cannot be `boss`",
        "people.yaml:8: a key must be a word",
        "people.yaml:9: anchors and aliases (`&`, `*`) are not taken",
    ]


def test_a_row_after_broken_quotes_is_still_looked_at(write: Write, told: Told) -> None:
    write(sites='code,kind,name,district\na,hospital,"x"y,qingwan\nb,hospital,z,nowhere\n')

    found = [line.split(": ")[0] for line in told() if not line.startswith("hint")]

    assert found == ["sites.csv:2", "sites.csv:3"]
