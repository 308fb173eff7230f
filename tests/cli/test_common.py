"""The door: who asks, and how facts and words are printed."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import pytest

from fleet.cli.common import Door, current_door, os_user, print_json, print_table, printable, say, show
from fleet.errors import InputError, InternalError, NotAllowedError
from fleet.model.actor import FLEET
from fleet.model.inventory import Fleet, Person, Role
from fleet.settings import Settings
from fleet.store import fleets, open_store


def door_with(workspace: Settings, *people: Person, at: datetime = datetime(2026, 3, 14, tzinfo=UTC)) -> Door:
    store = open_store(workspace, create=True)
    with store.write(FLEET, at) as tx:
        fleets.replace_fleet(tx, Fleet(people={person.code: person for person in people}), {})
    store.close()
    return Door(workspace.workspace)


def test_the_os_user_is_matched_to_the_person_of_the_inventory(workspace: Settings) -> None:
    door = door_with(workspace, Person(code="c01", name="王芳", role=Role.COORDINATOR, os_user=os_user()))
    store = door.open_store()

    assert door.actor(store).code == "c01"
    door.close()


def test_an_unknown_person_may_look_but_not_act(workspace: Settings) -> None:
    door = door_with(workspace, Person(code="c01", name="王芳", role=Role.COORDINATOR, os_user="somebody-else"))
    store = door.open_store()

    with pytest.raises(NotAllowedError, match="may look, not act"):
        door.actor(store)
    assert door.person(store) is None
    door.close()


def test_before_any_inventory_the_actor_is_the_os_user(workspace: Settings) -> None:
    door = door_with(workspace)

    assert door.actor(door.open_store()).code == os_user()
    door.close()


def test_a_directory_that_is_no_workspace_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fleet init"):
        Door(tmp_path / "absent").open_store()

    assert list(tmp_path.iterdir()) == []


def test_there_is_no_door_outside_a_command() -> None:
    from fleet.cli import common

    common._door.set(None)

    with pytest.raises(InternalError):
        current_door()


def test_what_a_terminal_sent_is_shown_and_never_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    show("\x1b[31mred\x07 \u202egnol \udcff 门诊\tend")
    say("[bold]not markup[/bold]")

    out, err = capsys.readouterr()
    assert out == "\\x1b[31mred\\x07 \\u202egnol \\udcff 门诊\tend\n"
    assert err == "[bold]not markup[/bold]\n"


def test_printable_text_comes_back_unchanged() -> None:
    assert printable("青湾区第一药店 №1 — ok\n") == "青湾区第一药店 №1 — ok\n"


def test_a_table_counts_chinese_as_two_columns_and_puts_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["site", "sites", "note"], [["青湾", 7, None], ["city", 1200, "a\nb"]])

    assert capsys.readouterr().out == "site  sites  note\n青湾      7\ncity   1200  a b\n"


def test_a_table_without_rows_is_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["code", "name"], [])

    assert capsys.readouterr().out == "code  name\n"


class Colour(StrEnum):
    RED = "red"


@dataclass
class Point:
    at: datetime
    name: str


def test_json_holds_nouns_dataclasses_times_and_chinese_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    person = Person(code="t01", name="李雷", role=Role.TECHNICIAN)
    print_json(
        {
            "person": person,
            "point": Point(datetime(2026, 3, 14, tzinfo=UTC), "x"),
            "took": timedelta(minutes=2),
            "codes": {"b", "a"},
            "colour": Colour.RED,
            "file": Path("/w"),
        }
    )

    out = capsys.readouterr().out
    assert "李雷" in out
    assert json.loads(out) == {
        "person": person.model_dump(mode="json"),
        "point": {"at": "2026-03-14T00:00:00+00:00", "name": "x"},
        "took": 120.0,
        "codes": ["a", "b"],
        "colour": "red",
        "file": "/w",
    }
