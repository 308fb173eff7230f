"""The rows of the site table: which are shown, in which order, and what a change does to them.

- What needs a person comes first; then by wave, then as the inventory lists them.
- While `following`, a row moves to its place as soon as it changes. Once the reader walks the table nothing moves under the cursor:
  rows change where they are, and `moved` counts those that would stand elsewhere, until `arrange` is asked for.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from fleet.model.inventory import Fleet
from fleet.select import Selection, Subject, Term, fold
from fleet.store.reads import SiteRow
from fleet.tui.initials import initials
from fleet.tui.look import site_rank, site_states

Place = tuple[int, int, int]
"""Rank, wave, and the row's own number, which makes it unique."""


class SiteList:
    """All sites of a rollout, and the view of them that the filter and the order give."""

    def __init__(self) -> None:
        self.rows: list[SiteRow] = []
        self.view: list[Place] = []
        self.following = True
        self.moved: set[int] = set()
        """Numbers of rows that changed in a way that would move, show or hide them."""
        self._fleet = Fleet()
        self._numbers: dict[str, int] = {}
        self._places: list[Place | None] = []
        self._texts: list[str] = []
        self._selection = Selection()

    def __len__(self) -> int:
        return len(self.view)

    def replace(self, rows: Iterable[SiteRow], fleet: Fleet) -> None:
        """Take these rows in place of all others; `fleet` is what the filter asks about them."""
        order = {code: number for number, code in enumerate(fleet.sites)}
        self.rows = sorted(rows, key=lambda row: order.get(row.code, len(order)))
        self._fleet = fleet
        self._numbers = {row.code: number for number, row in enumerate(self.rows)}
        self._texts = []
        self.arrange()

    def update(self, rows: Iterable[SiteRow]) -> None:
        """Take the new state of rows that are there already."""
        for row in rows:
            number = self._numbers[row.code]
            self.rows[number] = row
            old, new = self._places[number], self._place(number)
            if old == new:
                self.moved.discard(number)
            elif self.following:
                self._move(number, old, new)
            else:
                self.moved.add(number)

    def select(self, selection: Selection) -> None:
        """Show only the sites that `selection` means."""
        self._selection = selection
        self.arrange()

    def arrange(self) -> None:
        """Put every row in its place."""
        if self._selection.terms and not self._texts:
            self._texts = [fold(f"{row.name}\n{row.code}\n") + initials(row.name) for row in self.rows]
        self._places = [self._place(number) for number in range(len(self.rows))]
        self.view = sorted(place for place in self._places if place is not None)
        self.moved.clear()

    def row_at(self, index: int) -> SiteRow:
        """The row that is shown at `index`."""
        return self.rows[self.view[index][2]]

    def index_of(self, code: str) -> int | None:
        """Where the site is shown, or None."""
        number = self._numbers.get(code)
        place = None if number is None else self._places[number]
        return None if place is None else bisect_left(self.view, place)

    def _place(self, number: int) -> Place | None:
        row = self.rows[number]
        if not all(self._holds(term, number, row) for term in self._selection.terms):
            return None
        return site_rank(row), row.wave, number

    def _move(self, number: int, old: Place | None, new: Place | None) -> None:
        if old is not None:
            del self.view[bisect_left(self.view, old)]
        if new is not None:
            insort(self.view, new)
        self._places[number] = new

    def _holds(self, term: Term, number: int, row: SiteRow) -> bool:
        """Whether a term holds for the site: for a terminal's property, when any of its terminals has it."""
        if not term.name:
            found = any(value in self._texts[number] for value in term.values)
        elif term.name == "state":
            found = not set(term.values).isdisjoint(site_states(row))
        else:
            found = any(value in term.values for subject in self._subjects(row) for value in subject.values(term.name))
        return found is not term.negated

    def _subjects(self, row: SiteRow) -> Sequence[Subject]:
        site = self._fleet.sites.get(row.code)
        if site is None:
            return ()
        extra = {"wave": str(row.wave), "technician": row.technician or "", "cause": row.cause.value}
        return [Subject(terminal, site, self._fleet, extra) for terminal in self._fleet.terminals_of.get(row.code, ())]
