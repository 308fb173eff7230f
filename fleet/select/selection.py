"""A parsed selection: terms that must all hold, ready to be asked about many subjects."""

from dataclasses import dataclass, field

from fleet.select.subject import Subject

_NEEDS_QUOTES = frozenset(' ":,、\\“”「」')


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a selection: `name:value,value`, a bare word (`name` is empty), or either with `-` before it."""

    name: str
    """A field or a label's key."""
    values: tuple[str, ...]
    """Folded; any one of them is enough."""
    negated: bool = False
    _wanted: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the values as a set too: a selection is asked about a hundred thousand subjects."""
        object.__setattr__(self, "_wanted", frozenset(self.values))

    def matches(self, subject: Subject) -> bool:
        """Whether the subject has this term (or, negated, has it not)."""
        return self._found(subject) is not self.negated

    def _found(self, subject: Subject) -> bool:
        if self.name:
            return not self._wanted.isdisjoint(subject.values(self.name))
        text = subject.text
        return any(value in text for value in self.values)

    def __str__(self) -> str:
        """The canonical text."""
        field_name = f"{self.name}:" if self.name else ""
        return f"{'-' if self.negated else ''}{field_name}{','.join(map(_quoted, self.values))}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which subjects are meant: those for which every term holds. No terms means all of them."""

    terms: tuple[Term, ...] = ()

    def matches(self, subject: Subject) -> bool:
        """Whether the subject is meant."""
        for term in self.terms:  # noqa: SIM110 - a generator costs as much as the question
            if not term.matches(subject):
                return False
        return True

    @property
    def fields(self) -> frozenset[str]:
        """Every field and label it asks about."""
        return frozenset(term.name for term in self.terms if term.name)

    def __str__(self) -> str:
        """The canonical text: reads back as the same selection."""
        return " ".join(map(str, self.terms))


def _quoted(value: str) -> str:
    if not value or value.startswith("-") or any(c in _NEEDS_QUOTES or c.isspace() for c in value):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return value
