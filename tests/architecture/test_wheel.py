"""What is installed: the wheel, as a person gets it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory], cwd=ROOT, capture_output=True, check=True)
    return next(directory.glob("*.whl"))


def test_the_wheel_carries_data_shell_programs_and_compiled_catalogues(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {
        f"fleet/data/{file.relative_to(ROOT)}" for name in ("inventory", "playbooks") for file in (ROOT / name).rglob("*") if file.is_file()
    } <= set(names)
    assert {
        str(file.relative_to(ROOT)) for pattern in ("*.sh", "*.mo", "*.tcss", "py.typed") for file in (ROOT / "fleet").rglob(pattern)
    } <= set(names)
    assert [name for name in names if name.endswith((".po", ".pot")) or name.startswith("tests/")] == []


def test_an_installed_program_finds_its_data_and_speaks(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    script = (
        "import sys; sys.path.insert(0, 'site'); sys.path = [p for p in sys.path if p not in ('', sys.argv[1])]\n"
        "import fleet; assert 'site' in fleet.__file__, fleet.__file__\n"
        "from fleet.data import data_dir\n"
        "print(data_dir('inventory'), data_dir('playbooks'))\n"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", script, str(ROOT)], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [str(tmp_path / "site/fleet/data/inventory"), str(tmp_path / "site/fleet/data/playbooks")]


def test_the_demo_works_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    script = "import fleet; assert 'site/fleet' in fleet.__file__; from fleet.cli.app import main; main()"
    words = ["demo", "--plain", "--sites", "3", "--faults", "0", "--out", "night"]

    ran = subprocess.run(
        [sys.executable, "-P", "-c", script, *words],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "site"), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "night" / "completion.xlsx").exists()
