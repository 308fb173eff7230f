"""What the screens are told, and when."""

import pytest

from fleet.errors import FleetError
from fleet.model.actor import FLEET
from fleet.model.attempt import Cause, TerminalState
from fleet.model.crew import Assignment
from fleet.store import crew, progress
from fleet.text import N_
from fleet.tui.feed import Feed
from tests.tui.conftest import COORDINATOR, STRANGER, Stage, play, small_fleet, watching


def feed_of(stage: Stage) -> Feed:
    """A feed that has read everything."""
    feed = Feed(stage.store, COORDINATOR, stage.settings.zone, stage.clock)
    feed.poll()
    feed.poll()
    return feed


def test_the_first_poll_is_quick_and_the_second_brings_the_rest(stage: Stage) -> None:
    feed = Feed(stage.store, COORDINATOR, stage.settings.zone, stage.clock)

    first, second = feed.poll(), feed.poll()

    assert (len(first.rows), first.board.plan, first.board.fleet.sites) == (12, None, {})
    assert (len(second.rows), second.board.plan) == (12, stage.plan)
    assert feed.is_whole


def test_from_then_on_only_what_moved_is_read(stage: Stage) -> None:
    feed = feed_of(stage)
    nothing = feed.poll()
    stage.end("p3", TerminalState.FAILED)

    news = feed.poll()

    assert nothing.rows == ()
    assert [row.code for row in news.rows] == ["p3"]
    assert [failure.terminal for failure in news.board.failures] == ["p3/t01"]


def test_what_is_offline_and_what_turned_us_away_are_told_apart(stage: Stage) -> None:
    feed = feed_of(stage)
    at_first = feed.poll().board
    turned_away = stage.result("p1/t01", TerminalState.UNREACHABLE, cause=Cause.HOST_KEY_CHANGED, step="")
    silent = stage.result("p2/t01", TerminalState.UNREACHABLE, cause=Cause.NO_ANSWER, step="")
    boards = []
    for result, since in ((turned_away, None), (silent, stage.now)):
        with stage.store.write(FLEET, stage.now) as tx:
            progress.record_result(tx, "r1", result, {"tries": 1, "due_at": None, "unreachable_since": since})
        boards.append(feed.poll().board)

    assert [(board.has_offline, board.has_turned_away) for board in (at_first, *boards)] == [(False, False), (False, True), (True, True)]


def test_a_site_that_gets_another_technician_is_read_anew(stage: Stage) -> None:
    feed = feed_of(stage)
    with stage.store.write(COORDINATOR, stage.now) as tx:
        crew.save_assignments(tx, [Assignment(site="p3", technician="wang-wei")])

    news = feed.poll()

    assert next(row.technician for row in news.rows if row.code == "p3") == "wang-wei"


def test_an_import_changes_names_and_rights_at_once(stage: Stage) -> None:
    feed = feed_of(stage)
    fleet = small_fleet({"p3": "同济新药房"})
    stage.fleet = fleet.model_copy(update={"people": {code: person for code, person in fleet.people.items() if code != "li-na"}})
    stage.import_fleet()

    news = feed.poll()

    assert next(row.name for row in news.rows if row.code == "p3") == "同济新药房"
    assert news.board.refusal is not None


def test_a_site_is_read_whole_only_while_it_is_open(stage: Stage) -> None:
    feed = feed_of(stage)

    opened, closed = feed.poll("h1"), feed.poll()

    assert opened.board.site is not None
    assert [terminal.id for terminal in opened.board.site.terminals] == ["h1/t01", "h1/t02"]
    assert closed.board.site is None


def test_somebody_unknown_is_told_why_they_may_not_decide(stage: Stage) -> None:
    feed = Feed(stage.store, STRANGER, stage.settings.zone, stage.clock)

    assert "nobody of this inventory" in str(feed.poll().board.refusal)


def test_when_the_database_does_not_answer_the_screen_says_since_when(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_self: object, _site: object, _gate: object) -> None:
        raise FleetError(N_("another process holds the database for too long"))

    async def scene() -> None:
        async with watching(stage) as screen:
            with monkeypatch.context() as patch:
                patch.setattr(Feed, "poll", silent)
                await screen.shows("No news since 22:03:27: another process holds the database for too long", "12/12 sites")

            await screen.until(lambda: "No news since" not in screen.text)

    play(scene())
