"""A terminal for each of the shells that are in the field."""

from pathlib import Path

import pytest

from tests.terminal.field import SHELLS, Far, make_far


@pytest.fixture(params=[pytest.param(shell, marks=pytest.mark.needs(shell)) for shell in SHELLS])
def far(tmp_path: Path, request: pytest.FixtureRequest) -> Far:
    """A terminal with this shell, and nothing on it yet."""
    return make_far(tmp_path, request.param)
