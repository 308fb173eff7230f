"""How many sites may end badly or be down at once, as a playbook says it and as a plan holds it: budgets by cause and district, and limits.

- A share of sites is `2%`, a number of sites `2`. `SitesOrShare` is what was written; the plan holds what it comes to.
- A `Cap` is one of them as it stands. What a wave was held by is kept as codes (`failures`, `cause:probe-failed`, `limit:0` ...).
- Down is a site that is being pushed, or whose last push left its client neither proven nor put back: unknown, or stopped half-way.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from math import floor
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from fleet.model.base import Code, FreeText, Noun
from fleet.text import N_

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,4})?) ?[%\uff05]")
_SITES = re.compile(r"\d{1,6}")


def _checked(value: Any) -> str:
    text = str(value).strip()
    share = _SHARE.fullmatch(text)
    if share is not None and float(share[1]) <= 100:
        return f"{float(share[1]):g}%"
    if _SITES.fullmatch(text):
        return str(int(text))
    raise ValueError(N_("write a number of sites, for example 2, or a share of them from 0% to 100%, for example 2%"))


SitesOrShare = Annotated[str, BeforeValidator(_checked)]
"""`2` sites, or `2%` of them."""


def down_at_once(amount: str, of: int) -> int:
    """How many of `of` sites a limit lets be down at once; a share that is more than none is at least one, as budgets are."""
    share = sites_of(amount, of)
    return max(1, share) if amount.endswith("%") and float(amount[:-1]) > 0 else share


def sites_of(amount: str, of: int) -> int:
    """How many of `of` sites an amount is, rounded down."""
    return floor(of * float(amount[:-1]) / 100 + 1e-9) if amount.endswith("%") else int(amount)


class DistrictBudget(Noun):
    """Failures that the wave's sites of one district may spend, percent of them; at least one."""

    failures: Annotated[float, Field(ge=0, le=100)] = 100.0
    """`failed`, `rolled-back` and `unknown` spend this one."""
    unreachable: Annotated[float, Field(ge=0, le=100)] = 100.0
    """`unreachable` spends this one."""


class Per(StrEnum):
    """Whose sites a limit counts together."""

    DISTRICT = "district"
    """Those of each district for themselves."""
    FLEET = "fleet"


class Limit(Noun):
    """At most so many sites of a selection are down at once."""

    select: FreeText
    """Selection of terminals; a site counts when one of its terminals is meant. Empty is every site."""
    per: Per = Per.DISTRICT
    at_most: SitesOrShare
    """Sites, or a share of all that the inventory has of them there, rounded down; of a share above 0 % at least one."""


class PlannedLimit(Noun):
    """One limit in one place: what it comes to there."""

    select: FreeText
    district: Code | None = None
    """None counts the whole fleet."""
    sites: Annotated[int, Field(ge=1)]
    """Sites of the inventory that it counts."""
    allowed: Annotated[int, Field(ge=1)]
    """Of these, down at once at most."""


class DistrictAllowance(Noun):
    """What the sites of one district may spend in one wave."""

    failures: Annotated[int, Field(ge=1)]
    unreachable: Annotated[int, Field(ge=1)]


class CapKind(StrEnum):
    """What a cap is on."""

    FAILURES = "failures"
    UNREACHABLE = "unreachable"
    CAUSE = "cause"
    DISTRICT_FAILURES = "district-failures"
    DISTRICT_UNREACHABLE = "district-unreachable"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Cap:
    """One budget of a wave, or a limit, as it stands."""

    kind: CapKind
    name: str
    """The cause, the district or the limit's place in the plan; empty for the wave's own two budgets."""
    spent: int
    """Sites that spend it; for a limit, sites that are down."""
    allowed: int
    """By the plan."""
    accepted: int = 0
    """Sites that a person took for granted when they last said go on."""

    @property
    def left(self) -> int:
        """Sites that may still spend it; never more than the plan allows, however many were retried."""
        return max(0, min(self.allowed, self.allowed + self.accepted - self.spent))

    @property
    def code(self) -> str:
        """How a wave's state keeps it."""
        return f"{self.kind.value}:{self.name}" if self.name else self.kind.value


def is_lifted_by_approval(code: str) -> bool:
    """Whether a person's approval lifts what has this code: budgets are granted anew, a limit holds whoever approves."""
    return not code.startswith(f"{CapKind.LIMIT.value}:")
