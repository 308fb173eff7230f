"""What an export says about terminals that were rolled back on purpose."""

import json
from datetime import UTC, datetime
from io import BytesIO

from fleet.model.actor import Actor
from fleet.model.purpose import Errand
from fleet.model.rollout import Decision, DecisionKind
from fleet.report.json_file import write_json
from fleet.report.reading import read_completion
from fleet.settings import Settings
from fleet.store import Store, rollouts, ways_back

AT = datetime(2026, 3, 14, 22, 30, tzinfo=UTC)


def test_a_row_says_who_rolled_its_terminal_back_on_purpose_when_and_why(store: Store, workspace: Settings) -> None:
    decision = Decision(
        rollout="r1", kind=DecisionKind.ROLLBACK, wave=1, terminals=("p1/t1",), reason="swipes are slow", actor="li-na", at=AT
    )
    with store.write(Actor(code="li-na"), AT) as tx:
        rollouts.add_decision(tx, decision)
        ways_back.send_back(tx, "r1", ["p1/t1"], Errand.ROLLBACK)
    with store.read() as snapshot:
        completion = read_completion(snapshot, workspace, AT)
    stream = BytesIO()
    write_json(completion, stream)
    rows = {row["terminal"]: row for row in json.loads(stream.getvalue())["terminals"]}
    keys = ("state", "rolled_back_by", "rolled_back_by_name", "rolled_back_at", "rolled_back_reason")

    assert [rows["p1/t1"][key] for key in keys] == ["going-back", "li-na", "李娜", "2026-03-15T06:30:00+08:00", "swipes are slow"]
    assert [rows["p7/t1"][key] for key in keys[1:]] == [None, None, None, ""]
