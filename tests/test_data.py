"""The data that travels with the program."""

import pytest

from fleet.data import data_dir
from fleet.errors import InternalError


@pytest.mark.parametrize("name", ["inventory", "playbooks"])
def test_the_data_is_found_in_a_checkout(name: str) -> None:
    assert any(data_dir(name).rglob("*.*"))


def test_data_that_is_not_there_is_our_own_fault() -> None:
    with pytest.raises(InternalError, match="nothing"):
        data_dir("nothing")
