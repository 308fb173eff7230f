"""The whole program at once: `fleet demo` over real SSH, as its user runs it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

FLEET = Path(sys.executable).parent / "fleet"


def demo(*words: str, cwd: Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run((FLEET, "--lang", language, "demo", "--plain", *words), cwd=cwd, check=False, capture_output=True, text=True)


def test_a_night_with_every_kind_of_fault_ends_as_planted_and_leaves_its_counts(tmp_path: Path) -> None:
    done = demo("--sites", "40", "--seed", "3", "--out", "night", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every terminal ended as planted." in done.stdout
    for fault in ("refuses", "disk-full", "failing-health", "switched-off", "wrong-host-key"):
        assert fault in done.stdout
    left = {path.name for path in (tmp_path / "night").iterdir()}
    assert left == {"completion.xlsx", "completion.csv", "completion.json", "workspace", "plan.json"}


@pytest.fixture(scope="module")
def quiet_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a demo of twelve sites without a fault left behind."""
    directory = tmp_path_factory.mktemp("quiet")
    done = demo("--sites", "12", "--faults", "0", "--out", "night", cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing failed." in done.stdout
    return directory / "night"


def test_the_demos_counts_hold_every_site_of_the_city_it_took(quiet_night: Path) -> None:
    counts = json.loads((quiet_night / "completion.json").read_text("utf-8"))

    assert counts["total"]["sites"]["total"] == 12


def test_the_private_key_stands_in_its_own_file_and_nowhere_else(quiet_night: Path) -> None:
    key = quiet_night / "workspace" / "id_ed25519"
    secret = key.read_bytes().splitlines()[2:-1]  # the lines before hold the public half

    told = [file for file in quiet_night.rglob("*") if file.is_file() and file != key and any(line in file.read_bytes() for line in secret)]

    assert secret
    assert told == []


def test_the_demo_speaks_chinese_from_the_first_line_to_the_last(tmp_path: Path) -> None:
    done = demo("--sites", "12", "--out", "night", cwd=tmp_path, language="zh_CN")

    assert done.returncode == 0, done.stdout + done.stderr
    without_chinese = [line for line in (done.stdout + done.stderr).splitlines() if line.strip() and not re.search("[\u4e00-\u9fff]", line)]
    assert without_chinese == []


def test_a_directory_that_is_there_already_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()

    done = demo("--out", "night", cwd=tmp_path)

    assert (done.returncode, list((tmp_path / "night").iterdir())) == (2, [])
    assert "hint: name a new directory with --out" in done.stderr


@pytest.mark.parametrize("sites", ["0", "740", "many"])
def test_a_city_has_1_to_739_sites(sites: str, tmp_path: Path) -> None:
    done = demo("--sites", sites, cwd=tmp_path)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
