"""Failures by cause on the screen, and the card of what may be done about a site or a failure."""

from fleet.model.actor import Actor
from fleet.model.attempt import Cause, TerminalState
from fleet.store import crew
from tests.tui.conftest import LARGE, SMALL, STRANGER, Stage, play, watching


def break_pharmacies(stage: Stage) -> list[str]:
    """Three sites run out of room, one fails its probe; the terminals of the three."""
    for number, site in enumerate(("p1", "p2", "p3")):
        stage.end(site, TerminalState.FAILED, cause=Cause.DISK_FULL, step="stage", detail=f"{number * 10} KiB free, 900 KiB needed")
    stage.end("p4", TerminalState.ROLLED_BACK, cause=Cause.PROBE_FAILED)
    return [f"{site}/t01" for site in ("p1", "p2", "p3")]


def test_a_cause_is_one_row_and_its_retry_is_about_exactly_its_sites(stage: Stage) -> None:
    names = break_pharmacies(stage)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("c")
            await screen.shows("not enough room on its disk", "FAILURE", "for example p1/t01")
            await screen.press("d")
            await screen.shows("3 sites, one cause", "1. retry exactly these", "not now: the new release is live on none of them")
            await screen.type("1")
            await screen.press("enter")
            await screen.shows("Done: retry exactly these, 3 terminals.")

    play(scene())
    assert [(decision.kind.value, decision.terminals) for decision in stage.decisions()] == [("retry", tuple(names))]


def test_a_retry_of_all_that_is_unfinished_wants_the_number_of_its_sites_typed(stage: Stage) -> None:
    for site in ("p1", "p2", "p3"):
        stage.end(site, TerminalState.FAILED, cause=Cause.DISK_FULL, step="stage", detail="0 KiB free, 900 KiB needed")

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("c")
            await screen.shows("not enough room on its disk")
            await screen.press("d")
            await screen.shows("1. retry exactly these")
            await screen.type("1")
            await screen.press("enter")
            await screen.shows("How many sites is that? Type 3 to confirm.")
            await screen.type("4")
            await screen.press("enter")
            await screen.shows("this is about 3 sites, not 4; nothing was changed")
            assert stage.decisions() == []
            await screen.press("backspace")
            await screen.type("3")
            await screen.press("enter")
            await screen.shows("Done: retry exactly these, 3 terminals.")

    play(scene())
    assert [decision.kind.value for decision in stage.decisions()] == ["retry"]


def test_having_terminals_done_by_hand_wants_a_reason_and_the_number_of_sites(stage: Stage) -> None:
    names = break_pharmacies(stage)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("c")
            await screen.shows("not enough room on its disk")
            await screen.press("d")
            await screen.shows("3. have it done by hand")
            await screen.type("3")
            await screen.press("enter")
            await screen.shows("Why? Everybody will read it.", "How many sites is that? Type 3 to confirm.")
            await screen.type("too small")
            await screen.press("tab")
            await screen.type("30")
            await screen.press("enter")
            await screen.shows("this is about 3 sites, not 30; nothing was changed")
            assert stage.decisions() == []
            await screen.press("backspace", "enter")
            await screen.shows("Done: have it done by hand, 3 terminals.")

    play(scene())
    assert [(decision.kind.value, decision.terminals) for decision in stage.decisions()] == [("by-hand", tuple(names))]


def test_the_card_of_a_site_asks_for_what_a_choice_needs(stage: Stage) -> None:
    break_pharmacies(stage)

    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            await screen.type("/site:p1")
            await screen.press("enter")
            await screen.press("enter")
            await screen.shows("p1")
            await screen.news()
            await screen.press("d")
            await screen.shows("what now?", "1. retry the step")
            await screen.type("6")
            await screen.press("enter")
            await screen.shows("Why? Everybody will read it.")
            await screen.type("closed")
            await screen.press("enter")
            await screen.type("2")
            await screen.press("enter")
            await screen.shows("this is about 1 site, not 2; nothing was changed")
            await screen.press("backspace")
            await screen.type("1")
            await screen.press("enter")
            await screen.shows("Done: exclude")

    play(scene())
    assert [(decision.kind.value, decision.terminals, decision.reason) for decision in stage.decisions()] == [
        ("exclude", ("p1/t01",), "closed")
    ]


def test_a_technician_is_sent_to_every_site_of_a_cause(stage: Stage) -> None:
    break_pharmacies(stage)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("c")
            await screen.shows("not enough room on its disk")
            await screen.press("d")
            await screen.shows("2. send a technician")
            await screen.type("2")
            await screen.press("enter")
            await screen.shows("Who goes there?")
            await screen.type("liu-yang")
            await screen.press("enter")
            await screen.type("disks")
            await screen.press("enter")
            await screen.shows("Done: send a technician")

    play(scene())
    with stage.store.read() as snapshot:
        sent = crew.read_assignments(snapshot)
    assert [sent[site].reason for site in ("p1", "p2", "p3")] == ["disks"] * 3
    assert sent["p4"].reason == ""


def test_whoever_may_not_decide_reads_why_and_who_may(stage: Stage) -> None:
    break_pharmacies(stage)

    async def scene(actor: Actor, words: str) -> None:
        async with watching(stage, LARGE, actor=actor) as screen:
            await screen.press("c")
            await screen.shows("not enough room on its disk")
            await screen.press("d")
            await screen.shows("not now:", words)
            await screen.type("1")
            await screen.press("enter")
            await screen.shows("1. retry exactly these")

    play(scene(STRANGER, "is nobody of this inventory"))
    play(scene(Actor(code="liu-yang"), "technician, and may not"))
    assert stage.decisions() == []


def test_a_screen_without_failures_says_so(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            await screen.press("c")
            await screen.shows("Nothing stands at a failure now.")
            await screen.press("d")
            await screen.press("escape")
            await screen.shows("/")

    play(scene())
