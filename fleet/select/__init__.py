"""The selection language: which terminals are meant, in a few words a coordinator can type.

    kind:pharmacy district:青湾 state:failed,unknown -vendor:acme "the old one"

- `parse_selection` reads the text, `Selection.matches` decides, `str(selection)` is the canonical text and reads back as the same selection.
- Parsing folds case, full-width forms and Chinese words, so matching compares plain strings.
"""

from fleet.select.parse import parse_inventory_selection, parse_selection
from fleet.select.selection import Selection, Term
from fleet.select.subject import Subject, subject_of
from fleet.select.words import FIELDS, fold

__all__ = ["FIELDS", "Selection", "Subject", "Term", "fold", "parse_inventory_selection", "parse_selection", "subject_of"]
