r"""Reads a selection: text -> terms, with a hint for every way it can be wrong.

- Terms are separated by spaces and must all hold. `field:a,b` is one of several values, `-` before a term means "not".
- A word without a field is looked for in names and codes. Quotes keep spaces, colons and commas: `"No. 3, east"`; inside them `\"` is a quote.
- Full-width forms (`：`, `，`, `－`, `　`), `、` and Chinese quotes mean what they look like.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from fleet.errors import InputError
from fleet.model.base import unprintable
from fleet.select.selection import Selection, Term
from fleet.select.words import FIELD_ALIASES, FIELDS, FINGERPRINT, VALUES, fold
from fleet.text import N_, Message

_QUOTES = {'"': '"', "“": "”", "「": "」"}
_COMMAS = ",、"
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_COMMON_LABELS = ("vendor", "arch")
_ROLLOUT_FIELDS = frozenset(("state", "cause", "wave", "technician"))
_TYPO = 0.8
"""How alike an unknown field and a known one must be to be a slip of the keyboard rather than a label."""


def parse_selection(text: str, labels: Collection[str] | None = None) -> Selection:
    """The selection that `text` says; an empty text selects everything.

    Args:
        text: What a person typed.
        labels: Label keys the fleet has; a field that is neither one of them nor of `FIELDS` is refused. None takes any label that is
            not a misspelt field.

    Raises:
        InputError: With a hint; nothing was changed.
    """
    normal = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFKC", text))
    bad = unprintable(normal)
    if bad is not None:
        raise _error(text, N_("character U+{code} is not allowed in a selection", code=f"{ord(bad):04X}"))
    return Selection(tuple(_term(token, text, labels) for token in _tokens(normal, text)))


def parse_inventory_selection(text: str, labels: Collection[str] | None = None) -> Selection:
    """A selection that is decided before a rollout, from the inventory alone: a step's or an artifact's `where`, a plan's `--select`.

    Raises:
        InputError: As `parse_selection`, and for `state:`, `cause:`, `wave:` and `technician:`.
    """
    selection = parse_selection(text, labels)
    late = sorted(selection.fields & _ROLLOUT_FIELDS)
    if late:
        raise _error(text, N_("`{field}:` is not known before a rollout", field=late[0]), N_("select by what the inventory holds"))
    return selection


@dataclass(frozen=True, slots=True)
class _Token:
    """A term's raw parts."""

    field: str | None
    values: tuple[str, ...]
    negated: bool


class _Scanner:
    """Cuts a text into tokens, one character after the other."""

    def __init__(self, text: str, original: str) -> None:
        self.text, self.original, self.at = text, original, 0

    @property
    def here(self) -> str:
        """The current character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def token(self) -> _Token:
        """The term that begins here."""
        negated = self.here == "-"
        if negated:
            self.at += 1
        field: str | None = None
        values: list[str] = []
        piece, quoted = "", False
        while self.here not in ("", " "):
            c = self.here
            if c in _QUOTES:
                piece, quoted = piece + self._quoted(_QUOTES[c]), True
                continue
            self.at += 1
            if c == ":" and field is None and not values and not quoted:
                field, piece = piece, ""
            elif c in _COMMAS:
                values.append(piece)
                piece, quoted = "", False
            else:
                piece += c
        return _Token(field, (*values, piece), negated)

    def _quoted(self, closing: str) -> str:
        self.at += 1
        begun, piece = self.at, ""
        while self.here != closing:
            if not self.here:
                raise _error(
                    self.original,
                    N_("a quote is not closed: `{rest}`", rest=self.text[begun - 1 :]),
                    N_("close it with `{closing}`", closing=closing),
                )
            if self.here == "\\" and self.text[self.at + 1 : self.at + 2] in ("\\", closing):
                self.at += 1
            piece += self.here
            self.at += 1
        self.at += 1
        return piece


def _tokens(text: str, original: str) -> Iterator[_Token]:
    scanner = _Scanner(text, original)
    while scanner.here:
        if scanner.here == " ":
            scanner.at += 1
        else:
            yield scanner.token()


def _term(token: _Token, text: str, labels: Collection[str] | None) -> Term:
    if token.field is None:
        values = tuple(map(fold, token.values))
        if not all(values):
            raise _error(text, N_("a word of the selection is empty"), N_("write `-` and `,` directly before a word"))
        return Term("", _once(values), token.negated)
    name = _field(token.field, text, labels)
    return Term(name, _once(tuple(_value(name, value, text) for value in token.values)), token.negated)


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _field(typed: str, text: str, labels: Collection[str] | None) -> str:
    name = FIELD_ALIASES.get(fold(typed), fold(typed))
    if name in FIELDS or (labels is not None and name in labels):
        return name
    known = (*FIELDS, *sorted(_COMMON_LABELS if labels is None else labels))
    typo = get_close_matches(name, known, 1, _TYPO if labels is None else 0.6)
    if labels is None and _LABEL_KEY.fullmatch(name) and (name in known or not typo):
        return name
    if typo:
        hint = N_("did you mean `{near}:`?", near=typo[0])
    else:
        hint = N_("fields are {fields}; put a word that holds a colon in quotes", fields=", ".join(known))
    raise _error(text, N_("unknown field `{field}`", field=typed), hint)


def _value(name: str, typed: str, text: str) -> str:
    value = fold(typed)
    if not value:
        raise _error(text, N_("`{field}:` has an empty value", field=name), N_("write the value directly behind the colon or comma"))
    allowed = VALUES.get(name)
    if allowed is None or (name == "cause" and FINGERPRINT.fullmatch(value)):
        return value
    if value in allowed:
        return allowed[value]
    near = get_close_matches(value, allowed, 1)
    if near:
        hint = N_("did you mean `{near}`?", near=near[0])
    else:
        hint = N_("it may be {values}", values=", ".join(dict.fromkeys(allowed.values())))
    raise _error(text, N_("`{value}` is no value of `{field}:`", value=typed, field=name), hint)


def _error(text: str, what: Message, hint: Message | None = None) -> InputError:
    shown = "".join("\ufffd" if unprintable(c) else c for c in text)
    return InputError(what, where=N_("selection `{selection}`", selection=shown), hint=hint)
