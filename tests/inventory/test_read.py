"""Inventory files -> Fleet: every form, encoding and language of heading gives the same fleet."""

import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.data import data_dir
from fleet.inventory import read_fleet, write_fleet
from fleet.model.base import unprintable
from fleet.model.inventory import LABEL_VALUE_PATTERN, District, Fleet, Reach, Role, Site, SiteKind

Write = Callable[..., Path]

CHINESE = {
    "districts": "编码,名称,上级\ncity,海岚市,\nqingwan,青湾区,city\n",
    "sites": (
        "机构编码,机构类别,机构名称,区县编码,纬度,经度,营业时间,标签\n"
        "hospital-1,医院,中心医院,qingwan,27.1,122.5,08:00-17:00,level=3\n"
        "pharmacy-1,定点药店,潮生药房,qingwan,,,,\n"
    ),
    "terminals": (
        "站点编码,终端编码,IP地址,端口,网关,密钥卡号,升级方式,标签\n"
        "hospital-1,t01,127.0.0.2,22,,KC1,ssh,vendor=heron；arch=amd64\n"
        "hospital-1,t02,127.0.0.3,22,,KC2,,\n"
        "pharmacy-1,t01,127.0.0.2,22,gw.invalid,KC3,,\n"
        "pharmacy-1,t02,,,,KC4,手工,\n"
    ),
    "people": "编码,姓名,角色,系统用户,辖区,技能\nanna,安娜,协调员,anna,,\nben,本,技术员,ben,qingwan,network、key-card\n",
}


def as_rows(text: str) -> list[list[str]]:
    return [line.split(",") for line in text.splitlines()]


def test_the_four_tables_become_a_fleet(write: Write) -> None:
    fleet = read_fleet([write()])

    assert list(fleet.districts) == ["city", "qingwan"]
    assert fleet.sites["pharmacy-1"].kind is SiteKind.PHARMACY
    assert list(fleet.terminals) == ["hospital-1/t01", "hospital-1/t02", "pharmacy-1/t01", "pharmacy-1/t02"]
    assert fleet.terminals["hospital-1/t01"].labels == {"vendor": "heron", "arch": "amd64"}
    assert fleet.terminals["pharmacy-1/t02"].reach is Reach.BY_HAND
    assert fleet.people["ben"].skills == ("network", "key-card")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_headings_and_words_in_any_encoding_give_the_same_fleet(write: Write, encoding: str) -> None:
    english = read_fleet([write()])

    assert read_fleet([write(encoding, **CHINESE)]) == english


def test_rare_characters_survive_gb18030(write: Write) -> None:
    sites = "code,kind,name,district\nhospital-1,hospital,𠮷田㙱医院,qingwan\npharmacy-1,pharmacy,药房,qingwan\n"

    assert read_fleet([write("gb18030", sites=sites)]).sites["hospital-1"].name == "𠮷田㙱医院"


@pytest.mark.parametrize("chinese", [True, False])
def test_a_workbook_with_a_sheet_per_table_gives_the_same_fleet(write: Write, good: dict[str, str], tmp_path: Path, chinese: bool) -> None:
    english = read_fleet([write()])
    book = openpyxl.Workbook()
    for name, text in (CHINESE if chinese else good).items():
        sheet = book.create_sheet({"sites": "站点", "people": "人员"}.get(name, name) if chinese else name)
        for row in as_rows(text):
            sheet.append(row)
    book.save(tmp_path / "fleet.xlsx")

    assert read_fleet([tmp_path / "fleet.xlsx"]) == english


def test_a_workbook_named_after_its_table_may_call_its_sheet_anything(write: Write, good: dict[str, str], tmp_path: Path) -> None:
    english = read_fleet([write()])
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in as_rows(good["sites"]):
        book.active.append(row)
    book.save(tmp_path / "站点.xlsx")
    (tmp_path / "sites.csv").unlink()

    assert read_fleet([tmp_path]) == english


def test_numbers_and_truths_of_a_workbook_are_read_as_they_look(write: Write, tmp_path: Path) -> None:
    write(sites=None)
    book = openpyxl.Workbook()
    sheet = book.create_sheet("sites")
    sheet.append(["code", "kind", "name", "district", "latitude", "longitude", "emergency", "phone"])
    sheet.append(["hospital-1", "hospital", "中心医院", "qingwan", 27, 122.5, True, 5550123])
    sheet.append([])
    sheet.append(["pharmacy-1", "pharmacy", "药房", "qingwan"])
    book.save(tmp_path / "sites.xlsx")
    (tmp_path / "sites.csv").unlink(missing_ok=True)

    site = read_fleet([tmp_path]).sites["hospital-1"]

    assert (site.latitude, site.longitude, site.emergency, site.phone) == (27.0, 122.5, True, "5550123")


def test_yaml_gives_the_same_fleet_in_one_file_or_in_four(write: Write, good: dict[str, str], tmp_path: Path) -> None:
    english = read_fleet([write()])
    tables = {}
    for name, text in good.items():
        headings, *rows = as_rows(text)
        tables[name] = [dict(zip(headings, row, strict=True)) for row in rows]
    tables["terminals"][0] |= {"labels": {"vendor": "heron", "arch": "amd64"}, "port": 22}  # type: ignore[dict-item]
    tables["people"][1] |= {"skills": ["network", "key-card"]}  # type: ignore[dict-item]
    one, four = tmp_path / "one", tmp_path / "four"
    one.mkdir()
    four.mkdir()
    (one / "fleet.yaml").write_text(yaml.safe_dump(tables, allow_unicode=True))
    for name, rows_of in tables.items():
        (four / f"{name}.yml").write_text(yaml.safe_dump(rows_of, allow_unicode=True))

    assert read_fleet([one]) == english
    assert read_fleet([four]) == english


def test_one_table_may_come_from_several_files(write: Write, tmp_path: Path) -> None:
    write()
    other = tmp_path / "other"
    other.mkdir()
    (other / "terminals.csv").write_text("site,code,host\npharmacy-1,t09,127.0.0.9\n")

    assert "pharmacy-1/t09" in read_fleet([tmp_path, other]).terminals


def test_a_text_in_quotes_may_hold_commas_and_lines(write: Write) -> None:
    sites = (
        'code,kind,name,district,address\nhospital-1,hospital,"中心医院, 东区",qingwan,\npharmacy-1,pharmacy,"说""好""药房",qingwan,\n\n'
    )

    fleet = read_fleet([write(sites=sites)])

    assert [site.name for site in fleet.sites.values()] == ["中心医院, 东区", '说"好"药房']


def test_what_is_written_is_read_back(write: Write, tmp_path: Path) -> None:
    fleet = read_fleet([write()])

    write_fleet(fleet, tmp_path / "copy")

    assert read_fleet([tmp_path / "copy"]) == fleet


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(
    lambda name: name == name.strip() and unprintable(name) is None
)


@settings(max_examples=100)
@given(names=st.lists(NAMES, max_size=5), labels=st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), NAMES, max_size=3))
def test_any_printable_name_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], labels: dict[str, str]
) -> None:
    labels = {key: value for key, value in labels.items() if re.fullmatch(LABEL_VALUE_PATTERN, value)}
    fleet = Fleet(
        districts={"d": District(code="d", name="青湾区")},
        sites={f"s{n}": Site(code=f"s{n}", kind=SiteKind.PHARMACY, name=name, district="d", labels=labels) for n, name in enumerate(names)},
    )
    directory = tmp_path_factory.getbasetemp() / "round-trip"

    write_fleet(fleet, directory)

    assert read_fleet([directory]) == fleet


def test_the_sample_city_is_the_size_of_the_real_case() -> None:
    city = read_fleet([data_dir("inventory") / "city"])

    assert count_kinds(city) == (122, 617)
    assert len(city.terminals) == 1500
    assert len(city.districts) == 13 + 1
    assert count_roles(city) == (17, 13 + 1, 3)
    assert city.terminals_of.keys() == city.sites.keys()


def test_the_sample_town_has_twenty_sites() -> None:
    town = read_fleet([data_dir("inventory") / "town"])

    assert count_kinds(town) == (4, 16)
    assert town.terminals_of.keys() == town.sites.keys()


@pytest.mark.parametrize("name", ["city", "town"])
def test_a_sample_reaches_nobody_real_and_knows_the_scripted_coordinator(name: str) -> None:
    fleet = read_fleet([data_dir("inventory") / name])

    hosts = {host for terminal in fleet.terminals.values() for host in (terminal.host, terminal.gateway) if host}
    assert all(host.startswith("127.") or host.endswith(".invalid") for host in hosts)
    assert any(terminal.reach is Reach.BY_HAND for terminal in fleet.terminals.values())
    assert fleet.people["demo-coordinator"].role is Role.COORDINATOR
    assert fleet.people["demo-coordinator"].os_user == "demo-coordinator"


def count_kinds(fleet: Fleet) -> tuple[int, ...]:
    return tuple(sum(site.kind is kind for site in fleet.sites.values()) for kind in SiteKind)


def count_roles(fleet: Fleet) -> tuple[int, ...]:
    return tuple(sum(person.role is role for person in fleet.people.values()) for role in Role)


def test_the_words_of_the_glossary_are_read(write: Write) -> None:
    directory = write(
        sites="编码,类型,名称,区县\nhospital-1,医院,中心医院,qingwan\npharmacy-1,药店,潮生药房,qingwan\n",
        terminals="站点,编码,主机,触达方式\nhospital-1,t01,127.0.0.2,远程\npharmacy-1,t01,,人工\n",
        people="编码,姓名,角色\nanna,安娜,主管\n",
    )

    fleet = read_fleet([directory])

    assert [site.kind for site in fleet.sites.values()] == [SiteKind.HOSPITAL, SiteKind.PHARMACY]
    assert [terminal.reach for terminal in fleet.terminals.values()] == [Reach.SSH, Reach.BY_HAND]
    assert fleet.people["anna"].role is Role.MANAGER
