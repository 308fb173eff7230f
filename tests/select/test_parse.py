"""What a selection may look like, and how a wrong one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.errors import InputError
from fleet.select import FIELDS, Selection, Term, fold, parse_inventory_selection, parse_selection
from fleet.select.words import VALUES

WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12).map(fold).filter(bool)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    name = draw(st.sampled_from(("", *FIELDS, "vendor", "arch", "size")))
    values = st.sampled_from(sorted(set(VALUES[name].values()))) if name in VALUES else WORDS
    return Term(name, tuple(draw(st.lists(values, min_size=1, max_size=3, unique=True))), draw(st.booleans()))


@given(st.lists(terms(), max_size=4))
def test_a_selection_written_down_reads_back_as_itself(parts: list[Term]) -> None:
    selection = Selection(tuple(parts))

    assert parse_selection(str(selection)) == selection


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from('-:,"“”、： '), max_size=40))
def test_any_text_is_a_selection_or_is_refused_as_input(text: str) -> None:
    try:
        selection = parse_selection(text)
    except InputError:
        return

    assert parse_selection(str(selection)) == selection


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("ｋｉｎｄ：ｐｈａｒｍａｃｙ", "kind:pharmacy"),
        ("状态：失败，未知　－厂商：“老 型号”", 'state:failed,unknown -vendor:"老 型号"'),
        ("STATE:Rolled-Back", "state:rolled-back"),
        ("「三 楼」", '"三 楼"'),
        ('"a:b" site:a:b', '"a:b" site:"a:b"'),
        ('"say \\"hi\\""', '"say \\"hi\\""'),
        ("kind:药店,药房,pharmacy", "kind:pharmacy"),
    ],
)
def test_full_width_and_chinese_spellings_mean_what_they_look_like(typed: str, plain: str) -> None:
    assert str(parse_selection(typed)) == plain


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("distrct:qw", "unknown field `distrct`", "did you mean `district:`?"),
        ("Vendr:x", "unknown field `Vendr`", "did you mean `vendor:`?"),
        ("好:x", "unknown field `好`", "fields are kind, district"),
        (":x", "unknown field ``", "quotes"),
        ("kind:pharmcy", "`pharmcy` is no value of `kind:`", "did you mean `pharmacy`?"),
        ("state:xyz", "`xyz` is no value of `state:`", "it may be not-started, running"),
        ('name "open', 'a quote is not closed: `"open`', 'close it with `"`'),
        ("“开", "a quote is not closed", "close it with `”`"),
        ("site:", "`site:` has an empty value", "directly behind"),
        ("kind:hospital,", "`kind:` has an empty value", "directly behind"),
        ("- kind:hospital", "a word of the selection is empty", "directly before"),
        ("a\x07b", "character U+0007 is not allowed", ""),
    ],
)
def test_a_wrong_selection_is_refused_with_what_where_and_a_hint(text: str, what: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_selection(text)

    assert what in str(caught.value)
    assert hint in str(caught.value)
    assert "selection `" in str(caught.value)
    assert "\x07" not in str(caught.value)


def test_a_label_that_the_fleet_does_not_have_is_refused_where_the_fleet_is_known() -> None:
    assert str(parse_selection("size:large")) == "size:large"
    assert str(parse_selection("size:large", labels={"size"})) == "size:large"
    with pytest.raises(InputError, match="did you mean `vendor:`"):
        parse_selection("vend:x", labels={"vendor"})


def test_before_a_rollout_its_fields_are_refused() -> None:
    assert str(parse_inventory_selection("kind:pharmacy")) == "kind:pharmacy"
    with pytest.raises(InputError, match="`wave:` is not known before a rollout"):
        parse_inventory_selection("kind:pharmacy wave:2")
