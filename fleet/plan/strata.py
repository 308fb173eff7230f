"""Strata: the combinations of kind, vendor and size that can behave differently, so that each should be tried early."""

from collections.abc import Iterable
from functools import lru_cache

from fleet.model.inventory import Reach, Site, Terminal
from fleet.model.plan import Stratum

NO_VENDOR = "-"
"""Vendor of a terminal whose inventory row names none."""


def strata_of(site: Site, terminals: Iterable[Terminal], terminals_of_site: int) -> tuple[Stratum, ...]:
    """The strata that an upgrade of these terminals tests, sorted. Those done by hand test none: no program runs there.

    Args:
        site: Their site.
        terminals: The planned terminals of the site.
        terminals_of_site: How many terminals the site has in the inventory, planned or not.
    """
    vendors = {_vendor(terminal, site) for terminal in terminals if terminal.reach is Reach.SSH}
    size = size_of(terminals_of_site)
    return tuple(_stratum(site.kind.value, vendor, size) for vendor in sorted(vendors))


def size_of(terminals_of_site: int) -> str:
    """`small` (1 terminal), `medium` (2 to 4), `large` (5 and more)."""
    if terminals_of_site <= 1:
        return "small"
    return "medium" if terminals_of_site <= 4 else "large"


def by_name(stratum: Stratum) -> tuple[str, str, str]:
    """Sort key: kind, vendor, size."""
    return stratum.kind, stratum.vendor, stratum.size


@lru_cache(maxsize=4096)
def _stratum(kind: str, vendor: str, size: str) -> Stratum:
    # A province has a few dozen strata and a hundred thousand terminals.
    return Stratum(kind=kind, vendor=vendor, size=size)


def _vendor(terminal: Terminal, site: Site) -> str:
    return terminal.labels.get("vendor") or site.labels.get("vendor") or NO_VENDOR
