"""Rules that every file of the program follows."""

import ast
import string
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fleet"
TESTS = ROOT / "tests"
MOST_LINES = 400


def files(directory: Path) -> list[Path]:
    return sorted(file for file in directory.rglob("*.py") if "__pycache__" not in file.parts)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"), str(file))


def place(file: Path, node: ast.AST | None = None) -> str:
    line = getattr(node, "lineno", None)
    return f"{file.relative_to(ROOT)}:{line}" if line else str(file.relative_to(ROOT))


def calls(file: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call))


def marked_texts(file: Path) -> Iterator[ast.Call]:
    """Calls of `N_` and `_`; text.py defines them."""
    if file != PACKAGE / "text.py":
        yield from (call for call in calls(file) if isinstance(call.func, ast.Name) and call.func.id in {"N_", "_"})


def test_imports_point_down() -> None:
    ran = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout


def test_every_module_says_what_it_tells() -> None:
    silent = [place(file) for file in files(PACKAGE) if tree_of(file).body and not ast.get_docstring(tree_of(file))]

    assert silent == []


def test_no_file_is_too_long_to_read_in_a_sitting() -> None:
    lengths = {place(file): len(file.read_text("utf-8").splitlines()) for file in (*files(PACKAGE), *files(TESTS), *PACKAGE.rglob("*.sh"))}

    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_nothing_is_left_to_do() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "X" + "XX")
    left = [place(file) for file in (*files(PACKAGE), *files(TESTS)) if any(word in file.read_text("utf-8") for word in words)]

    assert left == []


def test_no_command_goes_through_a_shell_by_accident() -> None:
    shells = [
        place(file, call)
        for file in files(PACKAGE)
        for call in calls(file)
        if any(keyword.arg == "shell" for keyword in call.keywords)
        or ast.unparse(call.func) in {"os.system", "os.popen", "subprocess.getoutput", "asyncio.create_subprocess_shell"}
    ]

    assert shells == []


def test_tests_wait_for_events_and_never_sleep() -> None:
    tests = [file for file in files(TESTS) if TESTS / "benchmarks" not in file.parents]  # those are scripts that measure, no tests
    sleeps = [place(file, call) for file in tests for call in calls(file) if ast.unparse(call.func) in {"time.sleep", "sleep"}]

    assert sleeps == []


def test_every_marked_text_is_a_literal() -> None:
    computed = [
        place(file, call)
        for file in files(PACKAGE)
        for call in marked_texts(file)
        if not (call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str))
    ]

    assert computed == []


def test_every_place_of_a_marked_text_has_its_value_and_every_value_its_place() -> None:
    wrong = []
    for file in files(PACKAGE):
        for call in marked_texts(file):
            names = {keyword.arg for keyword in call.keywords}
            text = ast.literal_eval(call.args[0])
            places = {name for _text, name, _form, _conversion in string.Formatter().parse(text) if name is not None}
            if names and None not in names and places != names:
                wrong.append(f"{place(file, call)}: places {sorted(places)}, values {sorted(map(str, names))}")

    assert wrong == []


def doubtful(text: str) -> list[str]:
    return [glyph for glyph in text if unicodedata.east_asian_width(glyph) == "A" and unicodedata.category(glyph) not in {"Cf", "Mn"}]


def test_screens_hold_no_glyph_whose_width_a_chinese_terminal_doubts() -> None:
    """East-Asian-ambiguous glyphs are one column wide here and two there."""
    marked = [(place(file, call), ast.literal_eval(call.args[0])) for file in files(PACKAGE) for call in marked_texts(file)]
    drawn = [
        (place(file, node), node.value)
        for file in files(PACKAGE / "tui")
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]

    assert [f"{where}: {glyph!r}" for where, text in (*marked, *drawn) for glyph in doubtful(text)] == []


@pytest.mark.parametrize("module", ["fleet.model", "fleet.plan", "fleet.rollout", "fleet.crew", "fleet.select"])
def test_the_deciding_parts_ask_no_clock(module: str) -> None:
    directory = ROOT / module.replace(".", "/")
    asked = [
        place(file, call)
        for file in files(directory)
        for call in calls(file)
        if ast.unparse(call.func) in {"datetime.now", "datetime.utcnow", "date.today", "open", "print"}
    ]

    assert asked == []
