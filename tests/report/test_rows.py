"""How values are shown in a report."""

import pytest

from fleet.model.attempt import Cause
from fleet.report.rows import in_brief


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.NONE])
def test_a_cause_in_a_report_says_what_happened_and_orders_nothing(cause: Cause, language: str) -> None:
    said = in_brief(cause, language)

    assert said
    assert "`fleet " not in said
    assert ";" not in said
    assert "；" not in said
