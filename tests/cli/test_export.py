"""`fleet export`: which file a person asks for, and which it refuses."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from fleet.model.actor import FLEET
from fleet.model.inventory import District, Fleet, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.settings import Settings
from fleet.store import open_store
from tests.cli.conftest import PROGRAM, Within
from tests.conftest import Cli

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in the test's directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def rollout(workspace: Settings, start_rollout: Callable[..., Plan]) -> Settings:
    """A workspace with a rollout of one terminal."""
    store = open_store(workspace, create=True)
    start_rollout(
        store,
        Fleet(
            districts={"qingwan": District(code="qingwan", name="青湾区")},
            sites={"p1": Site(code="p1", kind=SiteKind.PHARMACY, name="东门药店", district="qingwan")},
            terminals={"p1/t1": Terminal(site="p1", code="t1", host="127.0.0.1")},
        ),
    )
    store.close()
    return workspace


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--out", "x.pdf"], "there is no format `pdf`"),
        (["--out", "x.xls"], "hint: did you mean `xlsx`?"),
        (["--out", "night-1"], "the name does not say which format to write"),
        (["--out", "x.csv", "--format", "json"], "--format json contradicts the ending of the file"),
        (["--out", "new/", "--format", "csv"], "this is a directory"),
        (["--out", "/dev/null"], "`--out -` is standard output"),
        (["--out", "/dev/null", "--format", "csv"], "hint: use `--out -` for standard output"),
        (["--out", "workspace/fleet.db"], "there is no format `db`"),
        (["--out", "workspace/x.csv"], "this is in the workspace"),
        (["--out", "x" * 300 + ".csv"], "the file cannot be written: File name too long"),
    ],
)
def test_a_place_or_a_format_that_cannot_be_meant_is_refused_with_2(cli: Cli, here: Path, words: list[str], complaint: str) -> None:
    ran = cli("export", *words)

    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert [each.name for each in here.iterdir()] == ["workspace"]


@pytest.mark.parametrize("words", [["--format", "CSV"], ["--out", "completion.CSV"], ["--out", "completion", "--format", "Csv"]])
def test_a_format_may_be_written_in_capitals(cli: Cli, here: Path, words: list[str]) -> None:
    ran = cli("export", *words)

    assert ran.code == 0
    assert (here / ran.out.strip()).read_bytes().startswith(b"\xef\xbb\xbfdistrict code,")


def test_a_damaged_record_ends_with_1_and_names_the_audit(cli: Cli, rollout: Settings) -> None:
    store = open_store(rollout)
    with store.write(FLEET, NOW) as tx:
        tx.connection.execute(text("UPDATE terminal_progress SET state = 'nonsense'"))
    store.close()
    ran = cli("export", "--format", "csv", "--out", "-")

    assert (ran.code, ran.out) == (1, "")
    assert "the record is damaged" in ran.err
    assert "fleet audit verify" in ran.err


@pytest.mark.parametrize("ending", ["xlsx", "csv", "json"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_full_disk_ends_with_1_and_an_earlier_export_is_whole(within: Within, here: Path, ending: str, is_there: bool) -> None:
    export = f"{PROGRAM} --workspace {here}/workspace export --out /mnt/x.{ending}"
    disk = "\n".join(
        (
            "mount -t tmpfs -o size=256k tmpfs /mnt",
            f"{export} >&2" if is_there else ":",
            f"cp -a /mnt/. {here}/before",
            "dd if=/dev/zero of=/mnt/full bs=1k 2>/dev/null || :",
            f"{export} 2>{here}/told || echo $? >{here}/code",
            f"rm /mnt/full; cp -a /mnt/. {here}/after",
        )
    )
    (here / "before").mkdir()
    (here / "after").mkdir()

    ran = within(disk, "--version")

    assert ran.returncode == 0, ran.stderr
    assert (here / "code").read_text() == "1\n"
    assert (here / "told").read_text().splitlines() == [
        "the file cannot be written: No space left on device",
        f"  at: /mnt/x.{ending}",
        "hint: make room there, or name a file on another disk with --out; an earlier file there is as it was",
    ]
    before, after = ({path.name: path.read_bytes() for path in (here / name).iterdir()} for name in ("before", "after"))
    assert before == after
    assert (f"x.{ending}" in after) == is_there


def test_a_workbook_that_finds_no_room_while_it_is_put_together_says_where(within: Within, here: Path) -> None:
    disk = "mount -t tmpfs -o size=16k tmpfs /mnt; export TMPDIR=/mnt"

    ran = within(disk, "--workspace", "workspace", "export", "--out", here / "x.xlsx")

    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "the workbook cannot be put together: No space left on device",
        "  at: /mnt",
        "hint: make room there, or name a directory on another disk in TMPDIR",
    ]


def test_a_missing_directory_is_told_with_how_to_make_it(cli: Cli) -> None:
    ran = cli("export", "--out", "missing/x.csv")

    assert (ran.code, ran.err.splitlines()[-1]) == (2, "hint: make its directory first: `mkdir -p missing`")
