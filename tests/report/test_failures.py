"""The same failures by fingerprint in every file that managers hand on."""

import json

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.report.csv_file import write_csv
from fleet.report.json_file import write_json
from fleet.report.reading import read_completion
from fleet.report.xlsx_file import write_xlsx
from fleet.settings import Settings
from fleet.store import Store, failures, progress
from tests.report.test_files import AT, read_csv, read_xlsx, sheet_rows, written


def test_every_door_of_the_report_tells_failures_by_fingerprint(store: Store, workspace: Settings) -> None:
    said = {"p7/t1": "p7: no space on /srv/client at 03:11", "p8/t1": "p8: no space on /var/client at 04:59"}
    for terminal, detail in said.items():
        result = AttemptResult(
            terminal=terminal, number=1, ending=TerminalState.FAILED, cause=Cause.DISK_FULL, detail=detail, started_at=AT, finished_at=AT
        )
        with store.write(FLEET, AT) as tx:
            progress.record_result(tx, "r1", result)
    with store.read() as snapshot:
        completion = read_completion(snapshot, workspace, AT)
        group = next(group for group in failures.read_groups(snapshot, "r1") if group.example in said)
    book = read_xlsx(written(completion, write_xlsx))
    report = json.loads(written(completion, write_json))
    lines = read_csv(written(completion, write_csv))

    alike = "# : no space on # at #"
    assert ["failed", "not enough room on its disk", "disk-full", 2, 2, group.fingerprint, alike] in sheet_rows(book["Failures by cause"])
    assert {
        "ending": "failed",
        "cause": "disk-full",
        "fingerprint": group.fingerprint,
        "sites": 2,
        "terminals": 2,
        "said": alike,
    } in report["failures"]
    told = {line["terminal"]: (line["fingerprint"], line["terminals with this fingerprint"]) for line in lines if line["fingerprint"]}
    assert told["p7/t1"] == told["p8/t1"]
    assert told["p7/t1"][0].removeprefix("'") == group.fingerprint
    assert told["p7/t1"][1] == "2"
    assert set(told) == {"p2/t1", "p3/t1", "p4/t1", "p5/t1", *said}
