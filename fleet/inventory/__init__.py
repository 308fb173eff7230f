"""Stage 1. Inventory files -> Fleet, and what an import would change."""

from fleet.inventory.changes import Change, Changes, FieldChange, TableChanges, compare
from fleet.inventory.read import read_fleet
from fleet.inventory.write import write_fleet

__all__ = ["Change", "Changes", "FieldChange", "TableChanges", "compare", "read_fleet", "write_fleet"]
