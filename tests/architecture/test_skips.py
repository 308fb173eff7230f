"""A test that lacks its part of the system says so, and fails where nothing may be skipped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {
    "test_needy.py": "@pytest.mark.needs('nowhere')\ndef test_it(): pass\n",
    "test_tired.py": "def test_it(): pytest.skip('tired')\n",
    "test_marked.py": "@pytest.mark.skip(reason='tired')\ndef test_it(): pass\n",
    "test_module.py": "pytest.skip('tired', allow_module_level=True)\n",
    "test_import.py": "pytest.importorskip('no_such_module')\n",
    "test_bug.py": "@pytest.mark.xfail\ndef test_it(): assert False\n",
}
MISSPELT = {"test_typo.py": "@pytest.mark.needs('typo')\ndef test_it(): pass\n"}


def run_tests(directory: Path, sources: dict[str, str], *, strict: bool) -> str:
    """Run `sources` under this project's conftest, on a machine without the part `nowhere`; returns what pytest printed."""
    (directory / "tests").mkdir()
    (directory / ".ci").mkdir()
    (directory / ".ci/packages").write_text("nowhere no-such-package\n", "utf-8")
    (directory / "pytest.ini").write_text("[pytest]\nmarkers =\n    needs(part)\n", "utf-8")
    for name, source in sources.items():
        (directory / "tests" / name).write_text("import pytest\n" + source, "utf-8")
    shutil.copy(ROOT / "tests/conftest.py", directory / "tests")
    environment = {
        name: value for name, value in os.environ.items() if name not in {"FLEET_TEST_STRICT", "CI"} and not name.startswith("PYTEST")
    }
    environment |= {"FLEET_TEST_STRICT": "1"} if strict else {}
    command = [sys.executable, "-m", "pytest", "-rsxfE", "--continue-on-collection-errors", "-p", "no:cacheprovider", "-p", "no:xdist", "."]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False).stdout


def test_a_test_without_its_part_says_what_it_skipped_and_how_to_get_it(tmp_path: Path) -> None:
    printed = run_tests(tmp_path, SOURCES | MISSPELT, strict=False)

    assert "`nowhere` is not installed; `make system-packages` installs it (Debian package no-such-package)" in printed
    assert "`typo` does not stand in .ci/packages" in printed
    assert "5 skipped, 1 xfailed, 1 error" in printed


def test_where_nothing_may_be_skipped_a_skip_is_a_failure_and_a_known_bug_is_none(tmp_path: Path) -> None:
    printed = run_tests(tmp_path, SOURCES, strict=True)

    assert printed.count("must not be skipped here") >= len(SOURCES) - 1
    assert "1 failed, 1 xfailed, 4 errors" in printed
