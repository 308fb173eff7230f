"""The message catalogues, and the tool that keeps them in step."""

import gettext
import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = """
from fleet.text import N_, _

WORDS = N_("{count} sites", count=3)
HELLO = _("good "
          "evening")
NOT_MARKED = "left alone"
"""


@pytest.fixture(scope="module")
def catalogues() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogues", ROOT / ".ci/catalogues.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def package(tmp_path: Path, catalogues: ModuleType) -> Path:
    """A package of one module, its two texts taken in and translated."""
    package = tmp_path / "fleet"
    package.mkdir()
    (package / "words.py").write_text(SOURCE, "utf-8")
    catalogues.update(package)
    translate(package, catalogues, {"{count} sites": "{count} 个站点", "good evening": "晚上好"})
    return package


def translate(package: Path, catalogues: ModuleType, words: dict[str, str]) -> None:
    file = catalogues.catalogue_file(package, "zh_CN")
    text = file.read_text("utf-8")
    for source, translation in words.items():
        before, found, after = text.partition(f'msgid "{source}"\nmsgstr "')
        assert found
        text = before + found + translation + after[after.index('"') :]
    file.write_text(text, "utf-8")
    catalogues.update(package)


def test_a_complete_catalogue_has_no_problem_and_speaks(package: Path, catalogues: ModuleType) -> None:
    assert catalogues.check(package) == []
    assert gettext.translation("fleet", package / "locale", ["zh_CN"]).gettext("good evening") == "晚上好"


def test_a_text_that_was_not_taken_in_is_found(package: Path, catalogues: ModuleType) -> None:
    (package / "more.py").write_text('from fleet.text import N_\nMORE = N_("good night")\n', "utf-8")

    (problem,) = catalogues.check(package)

    assert "not taken in: 'good night' of fleet/more.py" in problem


def test_a_text_without_a_translation_is_found(package: Path, catalogues: ModuleType) -> None:
    (package / "more.py").write_text('from fleet.text import N_\nMORE = N_("good night")\n', "utf-8")
    catalogues.update(package)

    (problem,) = catalogues.check(package)

    assert "not translated: 'good night'" in problem


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ("{number} 个站点", "has other {places}"),
        ("{count 个站点", "has other {places}"),
        ("{count} sites", "translated by itself"),
        ("{count} 个“站点”…", "width terminals disagree about: “ ” …"),
    ],
)
def test_a_translation_that_would_break_is_found(package: Path, catalogues: ModuleType, translation: str, expected: str) -> None:
    translate(package, catalogues, {"{count} sites": translation})

    (problem,) = catalogues.check(package)

    assert expected in problem


def test_a_translation_that_is_marked_uncertain_is_found(package: Path, catalogues: ModuleType) -> None:
    file = catalogues.catalogue_file(package, "zh_CN")
    file.write_text(file.read_text("utf-8").replace('msgid "good evening"', '#, fuzzy\nmsgid "good evening"'), "utf-8")

    assert any("uncertain" in problem for problem in catalogues.check(package))


def test_a_text_that_left_the_source_is_found_and_update_drops_it(package: Path, catalogues: ModuleType) -> None:
    (package / "words.py").write_text(SOURCE.replace("good ", "fine "), "utf-8")

    before = catalogues.check(package)
    catalogues.update(package)

    assert any("no longer in the source: 'good evening'" in problem for problem in before)
    assert "good evening" not in catalogues.catalogue_file(package, "zh_CN").read_text("utf-8")


def test_a_compiled_catalogue_that_is_stale_or_absent_is_found(package: Path, catalogues: ModuleType) -> None:
    compiled = catalogues.catalogue_file(package, "zh_CN").with_suffix(".mo")
    compiled.write_bytes(b"stale")
    stale = catalogues.check(package)
    compiled.unlink()

    assert "not compiled" in stale[0]
    assert "not compiled" in catalogues.check(package)[0]


def test_updating_without_news_changes_nothing_at_any_hour(package: Path, catalogues: ModuleType) -> None:
    file = catalogues.catalogue_file(package, "zh_CN")
    first = (file.read_bytes(), file.with_suffix(".mo").read_bytes())

    catalogues.update(package)

    assert (file.read_bytes(), file.with_suffix(".mo").read_bytes()) == first
    assert str(datetime.now(UTC).date()) not in file.read_text("utf-8")
