"""Limits that adapt: what each login teaches them, and that every turn comes."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fleet.push.pacing import LAPSE_S, Key, Scope, Turns

COUNTY = Key(Scope.GATEWAY, "county:22")
ALL = Key(Scope.ALL)
EAST = Key(Scope.DISTRICT, "east")
CEILINGS = {Scope.GATEWAY: 8, Scope.DISTRICT: 3, Scope.ALL: 12}


def at_once(turns: Turns, keys: list[Key], count: int = 50) -> list[int]:
    """So many ask at the same time; those that are let in."""
    for _ in range(count):
        turns.join(keys)
    return turns.admit(0.0)


def test_a_gateway_is_tried_carefully_and_allowed_more_as_logins_pass() -> None:
    turns = Turns(CEILINGS)
    under_way = at_once(turns, [COUNTY], 200)
    assert len(under_way) == 4

    for login in range(40):
        number = under_way.pop(0)
        turns.passed(number, COUNTY, login * 0.1)
        turns.leave(number)
        under_way += turns.admit(login * 0.1)

    assert len(under_way) == CEILINGS[Scope.GATEWAY]


def test_a_gateway_that_turned_a_login_away_gets_half_as_many() -> None:
    turns = Turns({**CEILINGS, Scope.GATEWAY: 4})
    first, *_ = at_once(turns, [COUNTY])

    turns.dropped(first, COUNTY)

    assert turns.limits[COUNTY].allowed == 2


def test_logins_that_were_turned_away_together_count_once() -> None:
    turns = Turns({**CEILINGS, Scope.GATEWAY: 4})

    for number in at_once(turns, [COUNTY]):
        turns.dropped(number, COUNTY)
        turns.leave(number)

    assert turns.limits[COUNTY].allowed == 2
    again = turns.admit(1.0)
    turns.dropped(again[0], COUNTY)
    assert turns.limits[COUNTY].allowed == 1


def test_logins_that_become_much_slower_get_fewer() -> None:
    turns = Turns(CEILINGS)
    now = 0.0
    for took_s in [0.2] * 20 + [9.0] * 3:
        number = turns.join([ALL])
        turns.admit(now)
        now += took_s
        turns.passed(number, ALL, now)
        turns.leave(number)

    assert turns.limits[ALL].allowed < CEILINGS[Scope.ALL]


def test_a_line_that_was_always_slow_is_not_held_back_for_it() -> None:
    turns = Turns(CEILINGS)
    for login in range(20):
        number = turns.join([ALL])
        turns.admit(login * 9.0)
        turns.passed(number, ALL, login * 9.0 + 9.0)
        turns.leave(number)

    assert turns.limits[ALL].allowed == CEILINGS[Scope.ALL]


def test_whoever_waits_for_a_gateway_is_in_nobody_elses_way() -> None:
    turns = Turns(CEILINGS)
    at_once(turns, [ALL, COUNTY], 100)

    turns.join([ALL, EAST])

    assert len(turns.admit(0.0)) == 1


def test_silent_terminals_stand_in_the_way_for_a_few_seconds_only() -> None:
    turns = Turns(CEILINGS)
    at_once(turns, [ALL, EAST], CEILINGS[Scope.DISTRICT])
    sound = turns.join([ALL, EAST])

    assert turns.admit(LAPSE_S - 0.1) == []
    assert turns.admit(LAPSE_S) == [sound]


def test_a_gateway_counts_an_unfinished_login_as_long_as_it_lasts() -> None:
    turns = Turns(CEILINGS)
    at_once(turns, [COUNTY])

    assert turns.admit(1000.0) == []


_KEYS = st.lists(
    st.sampled_from([ALL, EAST, COUNTY, Key(Scope.DISTRICT, "west"), Key(Scope.GATEWAY, "other:22")]), min_size=1, max_size=4, unique=True
)


class TurnsMachine(RuleBasedStateMachine):
    """Logins that begin, pass, are turned away, fail or give up in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = Turns(CEILINGS)
        self.now = 0.0
        self.waiting: dict[int, list[Key]] = {}
        self.under_way: dict[int, list[Key]] = {}

    @rule(keys=_KEYS)
    def one_comes(self, keys: list[Key]) -> None:
        self.waiting[self.turns.join(keys)] = keys
        self.let_in()

    @rule(seconds=st.sampled_from([0.0, 0.1, 3.0, LAPSE_S, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.let_in()

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), outcome=st.sampled_from(["passes", "is turned away", "fails"]))
    def one_ends(self, data: st.DataObject, outcome: str) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.under_way))), outcome)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def one_gives_up(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        del self.waiting[number]
        self.turns.leave(number)
        self.let_in()

    def let_in(self) -> None:
        for number in self.turns.admit(self.now):
            keys = self.waiting.pop(number)
            older = [other for other, theirs in self.waiting.items() if other < number and set(theirs) <= set(keys)]
            assert not older, "somebody was passed who needed no more than this one"
            self.under_way[number] = keys

    def end(self, number: int, outcome: str) -> None:
        keys = self.under_way.pop(number)
        if outcome == "passes":
            for key in keys:
                self.turns.passed(number, key, self.now)
        elif outcome == "is turned away":
            self.turns.dropped(number, keys[-1])
        self.turns.leave(number)
        self.let_in()

    @invariant()
    def no_limit_is_ever_above_its_ceiling(self) -> None:
        for key, limit in self.turns.limits.items():
            assert 1 <= limit.allowed <= CEILINGS[key.scope]
            assert 0 <= limit.in_use <= CEILINGS[key.scope]

    @invariant()
    def nobody_waits_where_there_is_room(self) -> None:
        for keys in self.waiting.values():
            assert not all(self.turns.limits[key].has_room for key in keys)

    def teardown(self) -> None:
        """Whatever happened: when those under way end, everybody gets a turn, and nothing stays in use."""
        while self.waiting:
            assert self.under_way, "all wait and nobody is under way"
            self.end(min(self.under_way), "is turned away")
        while self.under_way:
            self.end(min(self.under_way), "fails")
        assert [limit.in_use for limit in self.turns.limits.values() if limit.in_use] == []


TurnsMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestEveryTurnComes = TurnsMachine.TestCase


@given(st.lists(st.floats(0.001, 60.0), max_size=60))
def test_however_long_logins_take_one_may_always_begin(durations: list[float]) -> None:
    turns = Turns(CEILINGS)
    now = 0.0
    for took_s in durations:
        number = turns.join([ALL])
        assert turns.admit(now) == [number]
        now += took_s
        turns.passed(number, ALL, now)
        turns.leave(number)
