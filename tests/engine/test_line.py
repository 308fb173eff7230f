"""Which push is next when a thread is free."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.line import Line, Place

EAST = Place("east", "county")
WEST = Place("west", None)


def test_what_waits_for_a_gateway_keeps_no_thread_from_other_districts() -> None:
    line: Line[str] = Line(at_once=10, at_gateway=2)
    for number in range(50):
        line.join(EAST, f"east-{number}")
    line.join(WEST, "west-0")

    begun = [following[1] for _ in range(10) if (following := line.next())]

    assert begun == ["east-0", "west-0", "east-1"]


def test_one_that_passed_the_gateway_makes_room_for_the_next() -> None:
    line: Line[str] = Line(at_once=10, at_gateway=1)
    line.join(EAST, "first")
    line.join(EAST, "second")
    assert line.next() == (EAST, "first")
    assert line.next() is None

    line.passed(EAST)

    assert line.next() == (EAST, "second")


def test_districts_take_turns() -> None:
    line: Line[str] = Line(at_once=4, at_gateway=8)
    north = Place("north", None)
    for place in (WEST, WEST, WEST, WEST, north, north):
        line.join(place, place.district)

    assert [line.next(), line.next(), line.next(), line.next(), line.next()] == [
        (WEST, "west"),
        (north, "north"),
        (WEST, "west"),
        (north, "north"),
        None,
    ]


_PLACES = st.builds(Place, st.sampled_from(["east", "west", "north"]), st.sampled_from([None, "county", "city"]))


@given(st.lists(_PLACES, max_size=60), st.integers(1, 5), st.integers(1, 3), st.randoms(use_true_random=False))
def test_everybody_is_served_once_and_nobody_beyond_a_limit(places: list[Place], at_once: int, at_gateway: int, random: object) -> None:
    line: Line[int] = Line(at_once, at_gateway)
    for number, place in enumerate(places):
        line.join(place, number)
    served: list[int] = []
    at_gate: list[Place] = []
    beyond: list[Place] = []

    while len(served) < len(places) or at_gate or beyond:
        while (following := line.next()) is not None:
            at_gate.append(following[0])
            served.append(following[1])
        assert at_gate or beyond, "all wait and nobody runs"
        assert len(at_gate) + len(beyond) <= at_once
        assert all(sum(place.gateway == name for place in at_gate) <= at_gateway for name in ("county", "city"))
        moves = ["pass"] * bool(at_gate) + ["end"] * bool(beyond)
        if random.choice(moves) == "pass":  # type: ignore[attr-defined]
            place = at_gate.pop(random.randrange(len(at_gate)))  # type: ignore[attr-defined]
            line.passed(place)
            beyond.append(place)
        else:
            line.ended(beyond.pop(random.randrange(len(beyond))))  # type: ignore[attr-defined]

    assert sorted(served) == list(range(len(places)))
