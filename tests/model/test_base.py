from fleet.model.inventory import District, Fleet, Site, SiteKind, Terminal


def test_a_copy_with_other_terminals_does_not_remember_the_old_ones() -> None:
    site = Site(code="p1", kind=SiteKind.PHARMACY, name="药店", district="d1")
    first, second = (Terminal(site="p1", code=code, host="127.0.0.1") for code in ("t1", "t2"))
    fleet = Fleet(districts={"d1": District(code="d1", name="区")}, sites={"p1": site}, terminals={first.id: first})
    assert fleet.terminals_of["p1"] == (first,)

    copied = fleet.model_copy(update={"terminals": {second.id: second}})

    assert copied.terminals_of["p1"] == (second,)
    assert fleet.terminals_of["p1"] == (first,)
