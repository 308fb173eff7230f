"""Which sites are shown, in which order, and what a change does to them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleet.model.attempt import Cause
from fleet.model.inventory import Fleet
from fleet.model.rollout import SiteState
from fleet.select import parse_selection
from fleet.store.reads import SiteRow
from fleet.tui.initials import initials
from fleet.tui.sites import SiteList
from tests.tui.conftest import small_fleet


def row_of(fleet: Fleet, code: str, state: SiteState = SiteState.NOT_STARTED, wave: int = 1) -> SiteRow:
    site = fleet.sites[code]
    return SiteRow(
        code=code,
        name=site.name,
        kind=site.kind,
        district=site.district,
        wave=wave,
        terminals=1,
        proven=0,
        state=state,
        claimed=False,
        done=False,
        cause=Cause.NONE,
        technician="liu-yang",
        seq=1,
        updated_at=datetime(2026, 11, 28, tzinfo=UTC),
    )


@pytest.fixture
def sites() -> SiteList:
    fleet = small_fleet()
    found = SiteList()
    found.replace([row_of(fleet, code) for code in reversed(list(fleet.sites))], fleet)
    return found


def shown(sites: SiteList) -> list[str]:
    return [sites.row_at(index).code for index in range(len(sites))]


def become(sites: SiteList, code: str, state: SiteState) -> None:
    row = next(row for row in sites.rows if row.code == code)
    sites.update([replace(row, state=state)])


def test_sites_stand_in_the_order_of_the_inventory(sites: SiteList) -> None:
    assert shown(sites) == ["h1", "h2", "h3", "h4", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"]


def test_what_needs_a_person_comes_first(sites: SiteList) -> None:
    become(sites, "p3", SiteState.RUNNING)
    become(sites, "p8", SiteState.FAILED)
    become(sites, "h2", SiteState.UPGRADED)

    assert shown(sites)[:4] == ["p8", "p3", "h2", "h1"]


def test_while_the_reader_walks_nothing_moves_and_the_changes_are_counted(sites: SiteList) -> None:
    before = shown(sites)
    sites.following = False

    become(sites, "p8", SiteState.FAILED)

    assert shown(sites) == before
    assert sites.row_at(11).state is SiteState.FAILED
    assert len(sites.moved) == 1
    sites.arrange()
    assert shown(sites)[0] == "p8"
    assert not sites.moved


def test_a_site_that_comes_back_to_where_it_was_no_longer_counts_as_moved(sites: SiteList) -> None:
    sites.following = False
    become(sites, "p8", SiteState.FAILED)

    become(sites, "p8", SiteState.NOT_STARTED)

    assert not sites.moved


def test_a_site_joins_the_filter_when_it_begins_to_match(sites: SiteList) -> None:
    sites.select(parse_selection("state:failed"))
    assert shown(sites) == []

    become(sites, "p2", SiteState.FAILED)

    assert shown(sites) == ["p2"]
    assert sites.index_of("p2") == 0
    assert sites.index_of("p1") is None


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("药房", ["p2", "p3", "p4", "p7"]),
        ("药房 柳林", ["p7"]),
        ("dsyy", ["h4"]),
        ("DSYY", ["h4"]),
        ("p1", ["p1"]),
        ("kind:hospital", ["h1", "h2", "h3", "h4"]),
        ("kind:hospital -district:青湾", ["h2", "h4"]),
        ("district:Yunling kind：hospital", ["h2", "h4"]),
        ("technician:刘洋 老街", ["p6"]),
        ("vendor:bolt kind:hospital", ["h1", "h4"]),
        ("-vendor:bolt kind:hospital", ["h2", "h3"]),
        ("wave:1 state:not-started 第二", ["h3"]),
        ("wave:2", []),
    ],
)
def test_the_filter_means_what_the_selection_language_means(sites: SiteList, text: str, codes: list[str]) -> None:
    sites.select(parse_selection(text))

    assert shown(sites) == codes


def test_done_and_claimed_are_states_of_their_own(sites: SiteList) -> None:
    sites.update([replace(sites.rows[0], state=SiteState.UPGRADED, claimed=True, done=True), replace(sites.rows[1], claimed=True)])

    sites.select(parse_selection("state:done"))
    done = shown(sites)
    sites.select(parse_selection("state:claimed"))

    assert (done, shown(sites)) == (["h1"], ["h2"])


def test_initials_of_what_is_not_chinese_are_the_text_itself() -> None:
    assert initials("东山医院 No.3") == "dsyy no.3"
