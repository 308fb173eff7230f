"""Every kind of mistake by name, with file, line and hint."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.errors import MistakesError
from fleet.inventory import read_fleet
from fleet.model.base import unprintable

Write = Callable[..., Path]
Told = Callable[..., list[str]]

CODE_HINT = "hint: use 1 to 32 letters, digits, `.`, `_` and `-`, beginning with a letter or digit"


@pytest.mark.parametrize(
    ("table", "written", "instead", "lines"),
    [
        ("sites", "district,latitude", "distrct,latitude", [
            "sites.csv:1: unknown column `distrct`",
            "hint: did you mean `district`?",
            "sites.csv:1: column `district` is missing",
            "hint: its heading may be one of: district, 区县, 区县编码",
        ]),
        ("sites", "opening_hours", "电话号", ["sites.csv:1: unknown column `电话号`", "hint: did you mean `电话`?"]),
        ("sites", "opening_hours", "名称", ["sites.csv:1: column `名称` is given twice", "hint: `name` is the same column; keep one"]),
        ("sites", "药房,qingwan,,,,\n", "药房,qingwan,,,,\nx y,pharmacy,b,qingwan,,,,\n", ["sites.csv:4: `code` cannot be `x y`", CODE_HINT]),
        ("sites", "药房,qingwan,,,,\n", "药房,qingwan,,,,\nhospital-1,pharmacy,b,qingwan,,,,\n", [
            "sites.csv:4: `hospital-1` is given twice",
            "hint: the first is at sites.csv:2; keep one",
        ]),
        ("terminals", "hospital-1,t02", "hospital-1,t01", [
            "terminals.csv:3: `hospital-1/t01` is given twice",
            "hint: the first is at terminals.csv:2; keep one",
        ]),
        ("terminals", "gw.invalid", "", [
            "terminals.csv:4: the same gateway, host and port as at terminals.csv:2: 127.0.0.2 22",
            "hint: each may be used once; correct one of the two rows",
        ]),
        ("terminals", "KC3", "KC1", [
            "terminals.csv:4: the same key card as at terminals.csv:2: KC1",
            "hint: each may be used once; correct one of the two rows",
        ]),
        ("terminals", "KC3", "kc1", [
            "terminals.csv:4: the same key card as at terminals.csv:2: kc1",
            "hint: each may be used once; correct one of the two rows",
        ]),
        ("people", "ben,qingwan", "anna,qingwan", [
            "people.csv:3: the same system user as at people.csv:2: anna",
            "hint: each may be used once; correct one of the two rows",
        ]),
        ("sites", "中心医院,qingwan", "中心医院,qinwan", [
            "sites.csv:2: `district` is `qinwan`, which is not in districts",
            "hint: did you mean `qingwan`?",
        ]),
        ("sites", "中心医院,qingwan", "中心医院,海岚市", [
            "sites.csv:2: `district` cannot be `海岚市`",
            "hint: this is a name; give the district's code, `city`",
        ]),
        ("people", "ben,qingwan", "ben,elsewhere", [
            "people.csv:3: `district` is `elsewhere`, which is not in districts",
            "hint: add it to districts, or correct the code",
        ]),
        ("terminals", "hospital-1,t02", "hospitl-1,t02", [
            "terminals.csv:3: `site` is `hospitl-1`, which is not in sites",
            "hint: did you mean `hospital-1`?",
        ]),
        ("districts", "city,海岚市,\n", "city,海岚市,qingwan\n", [
            "districts.csv:2: district `city` is above itself",
            "hint: leave the topmost district's `parent` empty",
            "districts.csv:3: district `qingwan` is above itself",
            "hint: leave the topmost district's `parent` empty",
        ]),
        ("sites", "27.1", "97.1", ["sites.csv:2: `latitude` cannot be `97.1`", "hint: it must be at most 90"]),
        ("sites", "122.5", "-181", ["sites.csv:2: `longitude` cannot be `-181`", "hint: it must be at least -180"]),
        ("sites", "27.1", "nan", ["sites.csv:2: `latitude` cannot be `nan`", "hint: a number is needed here"]),
        ("sites", "27.1", "north", ["sites.csv:2: `latitude` cannot be `north`", "hint: a number is needed here"]),
        ("sites", "122.5", "", ["sites.csv:2: `latitude` without `longitude`", "hint: give both, or neither"]),
        ("sites", "中心医院", "", ["sites.csv:2: `name` is missing"]),
        ("sites", "中心医院", "\u3000 ", ["sites.csv:2: `name` is missing"]),
        ("sites", "中心医院", "中\x1b[2J", ["sites.csv:2: `name` is `中<U+001B>[2J`: character U+001B is not allowed"]),
        ("sites", "中心医院", "中\u202e心", ["sites.csv:2: `name` is `中<U+202E>心`: character U+202E is not allowed"]),
        ("sites", "中心医院", "中\x00心", ["sites.csv:2: `name` is `中<U+0000>心`: character U+0000 is not allowed"]),
        ("sites", "中心医院", '"中心\n医院"', ["sites.csv:2: `name` is `中心<U+000A>医院`: character U+000A is not allowed"]),
        ("sites", "hospital,中心", "hospitl,中心", ["sites.csv:2: `kind` cannot be `hospitl`", "hint: did you mean `hospital`?"]),
        ("sites", "08:00-17:00", "8-17", [
            "sites.csv:2: `opening_hours` cannot be `8-17`: `8-17` is no span of time",
            "hint: write `08:00-12:00 14:00-20:00` or `Mon-Fri 08:00-17:30; Sat 09:00-12:00`; leave it empty when unknown",
        ]),
        ("sites", "level=3", "level3", ["sites.csv:2: label `level3` has no `=`", "hint: write labels as `vendor=acme;arch=arm64`"]),
        ("sites", "level=3", "a=1;a=2", ["sites.csv:2: label `a` is given twice", "hint: write labels as `vendor=acme;arch=arm64`"]),
        ("sites", "level=3", "Level=3", [
            "sites.csv:2: `labels` cannot be `Level`",
            "hint: use 1 to 32 small letters, digits, `_` and `-`, beginning with a letter",
        ]),
        ("terminals", "127.0.0.3", "-oProxyCommand=x", [
            "terminals.csv:3: `host` cannot be `-oProxyCommand=x`",
            "hint: use a host name or an IP address, without port or user",
        ]),
        ("terminals", "127.0.0.3", "", ["terminals.csv:3: terminal `hospital-1/t02` has no host", "hint: give its `host`, or `by-hand` as `reach`"]),
        ("terminals", "127.0.0.3,22", "127.0.0.3,0", ["terminals.csv:3: `port` cannot be `0`", "hint: it must be at least 1"]),
        ("terminals", "127.0.0.3,22", "127.0.0.3,ssh", ["terminals.csv:3: `port` cannot be `ssh`", "hint: a whole number is needed here"]),
        ("terminals", "by-hand", "byhand", ["terminals.csv:5: `reach` cannot be `byhand`", "hint: did you mean `by-hand`?"]),
        ("terminals", "KC3", "1.23457E+15", [
            "terminals.csv:4: `key_card` is `1.23457E+15`: a spreadsheet shortened a long number, and its last digits are lost",
            "hint: format the column as text in the spreadsheet, then type the number again",
        ]),
        ("sites", "opening_hours,labels", "emergency,labels", ["sites.csv:2: `emergency` cannot be `08:00-17:00`", "hint: one of: yes, no"]),
        ("people", "coordinator", "boss", ["people.csv:2: `role` cannot be `boss`", "hint: one of: technician, coordinator, manager"]),
        ("people", "anna,,", "An na,,", [
            "people.csv:2: `os_user` cannot be `An na`",
            "hint: use 1 to 32 small letters, digits, `_` and `-`, beginning with a letter or `_`",
        ]),
        ("sites", "pharmacy-1,pharmacy,潮生药房,qingwan,,,,", "pharmacy-1,pharmacy,潮生药房,qingwan", [
            "sites.csv:3: 4 cells, but 8 headings",
            "hint: was the line cut? an empty cell keeps its comma",
        ]),
        ("sites", "level=3", "level=3,extra", [
            "sites.csv:2: `extra` stands under no heading",
            "hint: is there a comma too many, or one in a text without quotes?",
        ]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(
    write: Write, told: Told, good: dict[str, str], *, table: str, written: str, instead: str, lines: list[str]
) -> None:
    assert written in good[table]
    write(**{table: good[table].replace(written, instead, 1)})

    found = told()

    assert found == lines


def test_a_terminal_is_never_entered_as_root(write: Write, told: Told) -> None:
    write(terminals="site,code,host,user\nhospital-1,t01,127.0.0.2,root\n")

    assert told() == [
        "terminals.csv:2: `user` is `root`: a push never uses root",
        "hint: give an account of its own; what needs root goes through its `sudo_command`",
    ]


def test_a_table_separated_by_semicolons_is_told_what_separates(write: Write, told: Told, good: dict[str, str]) -> None:
    write(people=good["people"].replace(",", ";"))

    assert told()[:2] == ["people.csv:1: unknown column `code;name;role;os_user;district;skills`", "hint: separate columns by commas"]


def test_a_bad_site_is_one_mistake_and_not_one_for_each_of_its_terminals(write: Write, told: Told, good: dict[str, str]) -> None:
    write(sites=good["sites"].replace("中心医院", ""))

    assert told() == ["sites.csv:2: `name` is missing"]


def test_lines_are_counted_as_an_editor_counts_them(write: Write, told: Told) -> None:
    sites = 'code,kind,name,district,address\r\n\r\nhospital-1,hospital,a,qingwan,"x"\r\npharmacy-1,pharmacy,"b\r\nc\r\nd",qingwan,\r\nx,y,z,qingwan,\r\n'
    write(sites=sites)

    found = [line for line in told() if not line.startswith("hint")]

    assert found[0].startswith("sites.csv:4: `name` is `b<U+000D>")
    assert found[1] == "sites.csv:7: `kind` cannot be `y`"


def test_the_heading_that_was_written_is_the_one_that_is_named(write: Write, told: Told) -> None:
    write(people="编码,姓名,角色,系统用户\nanna,安娜,协调员,安娜\n")

    assert told()[0] == "people.csv:2: `系统用户` cannot be `安娜`"


def test_a_table_in_chinese_is_told_the_chinese_words(write: Write, told: Told) -> None:
    write(people="编码,姓名,角色,系统用户\nanna,安娜,科长,anna\nben,本,技术,ben\n")

    assert told() == [
        "people.csv:2: `角色` cannot be `科长`",
        "hint: one of: 技术员, 协调员, 主管, 管理者, 管理人员",
        "people.csv:3: `角色` cannot be `技术`",
        "hint: did you mean `技术员`?",
    ]


def test_an_empty_or_wrong_word_under_a_chinese_heading_is_told_the_chinese_words(write: Write, told: Told) -> None:
    write(sites="编码,类型,名称,区县,24小时\nhospital-1,,a,qingwan,\npharmacy-1,药店,b,qingwan,有时\n")

    assert told() == [
        "sites.csv:2: `类型` is missing",
        "hint: one of: 医院, 定点医院, 药店, 定点药店",
        "sites.csv:3: `24小时` cannot be `有时`",
        "hint: one of: 是, 否",
    ]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "sites.csv: the file is empty"),
        (b"\n\n", "sites.csv: the file is empty"),
        (b"\xff\xfec\x00o\x00", "sites.csv: the file is UTF-16"),
        (b"code,kind,name,district\na,hospital,\xff\xff,qingwan\n", "sites.csv:2: neither UTF-8 nor GB18030: byte 0xff does not fit"),
        ("\ufeffcode\na,青".encode()[:-1], "sites.csv:2: broken UTF-8: byte 0xe9 does not fit"),
        (
            "code,kind,name,district\na,hospital,青湾中,qingwan\nb,hospital,湾".encode()[:-1],
            "sites.csv:3: broken UTF-8: byte 0xe6 does not fit",
        ),
        (b'code,kind,name,district\na,hospital,"x,qingwan\nb,hospital,y,qingwan\n', "sites.csv:2: broken quotes: unexpected end of data"),
        (b'code,kind,name,district\na,hospital,"x"y,qingwan\n', "sites.csv:2: broken quotes: ',' expected after '\"'"),
        (b'code,kind,name,district\na,hospital,"' + b"x" * 200_000 + b'",qingwan\n', "sites.csv:2: broken quotes: field larger"),
    ],
)
def test_a_broken_file_is_one_mistake_and_its_terminals_none(write: Write, told: Told, data: bytes, line: str) -> None:
    (write() / "sites.csv").write_bytes(data)

    found = told()

    assert found[0].startswith(line)
    assert len([line for line in found if not line.startswith("hint")]) == 1


def test_a_table_that_no_file_holds_is_one_mistake(write: Write, told: Told) -> None:
    write(sites=None)

    assert told() == [
        "terminals.csv:2: `site` refers to sites, and no file holds them",
        "hint: give sites.csv too, or the directory that holds it",
    ]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("terminal.csv", ["terminal.csv: the file is named after no table", "hint: did you mean `terminals`?"]),
        ("terminals.xls", ["terminals.xls: not a CSV, XLSX or YAML file", "hint: save it as one of: .csv, .xlsx, .yaml, .yml"]),
        ("none/sites.csv", ["none/sites.csv: no such file", "hint: check the path"]),
        ("none/city", ["none/city: no such file", "hint: check the path"]),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, told: Told, name: str, lines: list[str]) -> None:
    if "/" not in name:
        (tmp_path / name).write_bytes(b"code\n")

    assert told(tmp_path / name) == lines


def test_a_name_that_is_too_long_is_refused(tmp_path: Path, told: Told) -> None:
    assert told(tmp_path / ("n" * 300)) == ["n" * 300 + ": cannot be read: File name too long"]


def test_a_pipe_is_not_waited_for(write: Write, told: Told, tmp_path: Path) -> None:
    write(sites=None)
    os.mkfifo(tmp_path / "sites.csv")

    assert told() == ["sites.csv: not an ordinary file", "hint: is it the right file?"]


def test_a_directory_without_tables_is_refused(tmp_path: Path, told: Told) -> None:
    (tmp_path / "README.md").write_text("nothing")

    assert told(tmp_path)[0].endswith(": the directory holds no inventory file")


def test_yaml_mistakes_are_told_on_the_line_of_their_key(write: Write, told: Told) -> None:
    write(people=None)
    (write(people=None) / "people.yaml").write_text(
        "- code: anna\n  name: 安娜\n  role: boss\n  skils: [a]\n- ben\n- code: carl\n  name: 卡\n  code: carl\n  姓名: 卡\n  role: manager\n"
    )

    found = [line for line in told() if not line.startswith("hint")]

    assert found == [
        "people.yaml:3: `role` cannot be `boss`",
        "people.yaml:4: unknown key `skils`",
        "people.yaml:5: `key: value` lines are needed here",
        "people.yaml:8: `code` is given twice",
        "people.yaml:9: column `姓名` is given twice",
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "- code: a\n",
            ["fleet.yaml:1: the lists stand under no key", "hint: write each list under its key: districts, sites, terminals, people"],
        ),
        ("site: []\n", ["fleet.yaml:1: unknown key `site`", "hint: did you mean `sites`?"]),
        ("sites: none\n", ["fleet.yaml:1: `sites` needs a list", "hint: begin each entry with `- `"]),
    ],
)
def test_yaml_of_the_wrong_form_is_refused(tmp_path: Path, told: Told, text: str, lines: list[str]) -> None:
    (tmp_path / "fleet.yaml").write_text(text)

    assert told() == lines


def workbook_bytes() -> bytes:
    workbook = openpyxl.Workbook()
    workbook.create_sheet("sites").append(["code", "kind", "name", "district"])
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


@settings(max_examples=200)
@given(
    name=st.sampled_from(["sites.csv", "people.csv", "fleet.yaml", "terminals.yml", "fleet.xlsx", "districts.xlsx"]),
    data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))),
    cut=st.integers(0, 5000),
)
def test_malformed_bytes_never_give_anything_but_mistakes(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes, cut: int
) -> None:
    base = (
        workbook_bytes()
        if name.endswith("xlsx")
        else b"code,name,kind\na,b,c\n"
        if name.endswith("csv")
        else b"sites:\n- code: a\n  labels: {a: b}\n"
    )
    file = tmp_path_factory.getbasetemp() / name
    file.write_bytes(base[:cut] + data + base[cut:])

    lines: list[str] = []
    try:
        read_fleet([file])
    except MistakesError as error:
        lines = error.lines("en")

    assert all(unprintable(line) is None for line in lines)
