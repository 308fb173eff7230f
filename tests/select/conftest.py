"""A small fleet to select from."""

import pytest

from fleet.model.inventory import District, Fleet, Person, Reach, Role, Site, SiteKind, Terminal


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    districts = (
        District(code="bj", name="白江市", name_en="Baijiang City"),
        District(code="qw", name="青湾区", name_en="Qingwan District", parent="bj"),
        District(code="qwx", name="青湾县", name_en="Qingwan County", parent="bj"),
        District(code="qw-east", name="东街", parent="qw"),
    )
    sites = (
        Site(
            code="h-1", kind=SiteKind.HOSPITAL, name="青湾区人民医院", district="qw", emergency=True, open_24h=True, labels={"arch": "x86"}
        ),
        Site(code="p-1", kind=SiteKind.PHARMACY, name="东街 大药房", district="qw-east"),
        Site(code="p-12", kind=SiteKind.PHARMACY, name="县城药店", district="qwx"),
    )
    terminals = (
        Terminal(site="h-1", code="t01", host="127.0.0.1", labels={"vendor": "Acme"}),
        Terminal(site="h-1", code="t02", reach=Reach.BY_HAND, labels={"arch": "arm"}),
        Terminal(site="p-1", code="t01", host="127.0.0.1", port=23, labels={"vendor": "bolt"}),
        Terminal(site="p-12", code="t01", host="127.0.0.1", port=24),
    )
    people = (Person(code="li", name="李雷", role=Role.TECHNICIAN),)
    return Fleet(
        districts={district.code: district for district in districts},
        sites={site.code: site for site in sites},
        terminals={terminal.id: terminal for terminal in terminals},
        people={person.code: person for person in people},
    )
