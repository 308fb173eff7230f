"""Lines of things in a file that was read before."""

from pathlib import Path

import pytest

from fleet.files.places import line_at

TEXT = """\
name: x
steps:
  - step: stage
  - step: run
    command: [a,
      b]
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 1),
        (("name",), 1),
        (("steps", 1), 4),
        (("steps", 1, "command"), 5),
        (("steps", 1, "command", 1), 6),
        (("steps", 1, "where"), 4),
        (("steps", 9), 2),
        (("name", "deeper"), 1),
    ],
)
def test_a_place_has_its_line_or_that_of_what_is_around_it(tmp_path: Path, place: tuple[str | int, ...], line: int) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(TEXT)

    assert line_at(file, place) == line


def test_a_file_that_cannot_be_read_any_more_has_line_0(tmp_path: Path) -> None:
    assert line_at(tmp_path / "gone.yaml", ("name",)) == 0
