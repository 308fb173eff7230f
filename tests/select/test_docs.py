"""docs/selection.md lists every field and every word for it."""

import re
from pathlib import Path

from fleet.select import FIELDS, parse_selection
from fleet.select.words import FIELD_ALIASES, VALUES

TEXT = (Path(__file__).parents[2] / "docs" / "selection.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", TEXT, flags=re.MULTILINE)


def test_every_field_is_documented_with_every_chinese_name() -> None:
    assert sorted(field for field, _, _ in ROWS) == sorted(FIELDS)
    assert {alias: field for field, aliases, _ in ROWS for alias in aliases.split()} == {
        alias: field for alias, field in FIELD_ALIASES.items() if field in FIELDS
    }


def test_every_value_is_documented_and_the_chinese_word_beside_it_means_the_same() -> None:
    for field, _, values in ROWS:
        documented = {name: words.split() for name, words in re.findall(r"`([\w-]+)`((?: [^\x00-\x7f]+)*)", values)}
        if field not in VALUES:
            continue
        assert set(documented) == set(VALUES[field].values())
        for name, words in documented.items():
            assert {str(parse_selection(f"{field}:{word}")) for word in (name, *words)} == {f"{field}:{name}"}


def test_the_example_is_a_selection() -> None:
    example = re.search(r"^    (kind:.*)$", TEXT, flags=re.MULTILINE)

    assert example is not None
    assert str(parse_selection(example[1])) == 'kind:pharmacy district:青湾 state:failed,unknown -vendor:heron "the old one"'
