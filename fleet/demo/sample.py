"""The sample city, or a part of it that still has every kind of site."""

from collections.abc import Sequence

from fleet.data import data_dir
from fleet.errors import InputError
from fleet.inventory import read_fleet
from fleet.model.inventory import Fleet, Site
from fleet.text import N_


def sample_city(sites: int | None = None) -> Fleet:
    """The sample city whole, or `sites` of its sites, hospitals and pharmacies in the city's proportion.

    Districts and people are always all there. Same number, same sites.

    Raises:
        InputError: The city does not have so many sites.
    """
    city = read_fleet([data_dir("inventory") / "city"])
    if sites is None or sites == len(city.sites):
        return city
    if not 1 <= sites <= len(city.sites):
        raise InputError(
            N_("the sample city has {all} sites, not {asked}", all=len(city.sites), asked=sites),
            hint=N_("ask for 1 to {all}", all=len(city.sites)),
        )
    chosen = set(_spread([site.code for site in _by_kind(list(city.sites.values()))], sites))
    return Fleet(
        districts=city.districts,
        sites={code: site for code, site in city.sites.items() if code in chosen},
        terminals={id_: terminal for id_, terminal in city.terminals.items() if terminal.site in chosen},
        people=city.people,
    )


def _by_kind(sites: Sequence[Site]) -> list[Site]:
    return sorted(sites, key=lambda site: site.kind)


def _spread(codes: Sequence[str], count: int) -> list[str]:
    """`count` of the codes, evenly spread, so that what is grouped stays in proportion."""
    return [codes[(2 * index + 1) * len(codes) // (2 * count)] for index in range(count)]
