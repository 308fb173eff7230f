"""Words for people."""

import gettext
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from fleet import text
from fleet.text import LANGUAGES, N_, Message, _, current_language, language_of_environment, render, speaking, use_language


@pytest.fixture
def chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small Chinese catalogue in place of the program's own."""
    catalogue = Catalog(locale="zh_CN")
    catalogue.add("{count} sites", "{count} 个站点")
    catalogue.add("{count} {count:site is|sites are} held", "{count} 个站点挂起")
    catalogue.add("the site is closed", "站点已关门")
    file = tmp_path / "zh_CN/LC_MESSAGES/fleet.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as stream:
        write_mo(stream, catalogue)
    loaded = gettext.translation("fleet", tmp_path, ["zh_CN"])
    monkeypatch.setattr(text, "_catalogue", lambda language: loaded if language == "zh_CN" else gettext.NullTranslations())


@pytest.mark.usefixtures("chinese")
def test_a_marked_text_keeps_its_values_and_is_rendered_in_the_language_of_its_reader() -> None:
    message = N_("{count} sites", count=20)

    assert render(message, "en") == "20 sites"
    assert render(message, "zh_CN") == "20 个站点"


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(("count", "english"), [(0, "0 sites are held"), (1, "1 site is held"), (2, "2 sites are held")])
def test_a_word_goes_with_its_number_where_the_language_has_two_for_it(count: int, english: str) -> None:
    message = N_("{count} {count:site is|sites are} held", count=count)

    assert render(message, "en") == english
    assert render(message, "zh_CN") == f"{count} 个站点挂起"


def test_a_word_chosen_by_a_number_stands_beside_places_of_every_other_form() -> None:
    message = N_("{why}: {share:g} % of {count} {count:site|sites}", why=N_("{n} {n:day|days}", n=1), share=12.50, count=8)

    assert render(message, "en") == "1 day: 12.5 % of 8 sites"


@pytest.mark.usefixtures("chinese")
def test_a_value_that_is_a_message_is_translated_too() -> None:
    message = N_("why: {reason}", reason=N_("the site is closed"))

    assert render(message, "zh_CN") == "why: 站点已关门"


@pytest.mark.usefixtures("chinese")
def test_a_value_is_data_and_never_looked_up_or_formatted() -> None:
    message = N_("{count} sites", count="{count} the site is closed {0}")

    assert render(message, "zh_CN") == "{count} the site is closed {0} 个站点"
    assert render("the site is closed", "zh_CN") == "the site is closed"


@pytest.mark.usefixtures("chinese")
def test_a_text_without_a_translation_is_shown_in_english() -> None:
    assert render(N_("never heard of {name}", name="站点"), "zh_CN") == "never heard of 站点"


@pytest.mark.usefixtures("chinese")
def test_the_language_is_the_blocks_own_then_the_process() -> None:
    use_language("zh_CN")
    with speaking("en"):
        inside = _("the site is closed")

    assert inside == "the site is closed"
    assert _("the site is closed") == "站点已关门"
    assert current_language() == "zh_CN"


def test_a_language_we_do_not_speak_is_refused() -> None:
    with pytest.raises(ValueError, match="fr"):
        use_language("fr")


def test_braces_in_a_text_without_values_are_left_alone() -> None:
    assert render(N_("write {name} as it is")) == "write {name} as it is"
    assert render(Message("")) == ""


def test_a_value_may_be_called_text() -> None:
    assert render(N_("read {text}", text="twice")) == "read twice"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "FLEET_LANG": "zh"}, "zh_CN"),
        ({"LANG": "zh_TW.UTF-8", "FLEET_LANG": "en"}, "en"),
        ({"LC_MESSAGES": "zh_CN.GB18030", "LC_ALL": ""}, "zh_CN"),
    ],
)
def test_the_environment_chooses_the_language(environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLEET_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert language_of_environment() == language
    assert language in LANGUAGES
