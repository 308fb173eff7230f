"""docs/inventory.md says what is read."""

from pathlib import Path

import pytest

from fleet.files.tables import Shape
from fleet.inventory.shapes import SHAPES, WORDS

PAGE = Path(__file__).parents[2] / "docs/inventory.md"


def columns_on_the_page(shape: Shape) -> dict[str, tuple[str, ...]]:
    """Column -> Chinese headings, as the table under the shape's title has them; `latitude, longitude` share a line."""
    section = PAGE.read_text("utf-8").partition(f"### {shape.name} ({', '.join(shape.titles)})\n")[2].partition("\n#")[0]
    columns: dict[str, tuple[str, ...]] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 5 or cells[1] in ("column", "---"):
            continue
        names, headings = cells[1].replace("*", "").split(", "), cells[2].split(", ")
        columns |= (
            {names[0]: tuple(headings)} if len(names) == 1 else {name: (heading,) for name, heading in zip(names, headings, strict=True)}
        )
    return columns


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_column_and_heading_stands_on_the_page(shape: Shape) -> None:
    assert columns_on_the_page(shape) == dict(shape.columns)


@pytest.mark.parametrize("word", sorted({word for words in WORDS.values() for word in words}))
def test_every_chinese_word_stands_on_the_page(word: str) -> None:
    assert word in PAGE.read_text("utf-8")
