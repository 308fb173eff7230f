"""What an import would change."""

from collections.abc import Callable
from pathlib import Path

from fleet.inventory import Change, FieldChange, compare, read_fleet
from fleet.model.inventory import Fleet

Write = Callable[..., Path]


def test_a_first_import_adds_everything(write: Write) -> None:
    changes = compare(Fleet(), read_fleet([write()]))

    assert changes.terminals.added == ("hospital-1/t01", "hospital-1/t02", "pharmacy-1/t01", "pharmacy-1/t02")
    assert changes.removals == 0
    assert changes


def test_the_same_inventory_in_another_order_is_no_change(write: Write, good: dict[str, str]) -> None:
    heading, *rows = good["terminals"].splitlines()
    old = read_fleet([write()])

    changes = compare(old, read_fleet([write(terminals="\n".join([heading, *reversed(rows)]))]))

    assert not changes


def test_a_changed_value_is_named_with_old_and_new(write: Write, good: dict[str, str]) -> None:
    old = read_fleet([write()])

    changes = compare(old, read_fleet([write(terminals=good["terminals"].replace("127.0.0.3", "127.0.0.30"))]))

    assert changes.terminals.changed == (Change("hospital-1/t02", (FieldChange("host", "127.0.0.3", "127.0.0.30"),)),)
    assert not changes.sites


def test_what_is_left_out_is_a_removal(write: Write, good: dict[str, str]) -> None:
    old = read_fleet([write()])
    terminals = "\n".join(line for line in good["terminals"].splitlines() if not line.startswith("pharmacy-1"))

    changes = compare(old, read_fleet([write(terminals=terminals)]))

    assert changes.terminals.removed == ("pharmacy-1/t01", "pharmacy-1/t02")
    assert changes.removals == 2
