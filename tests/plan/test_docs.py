"""docs/playbook.md lists every key of a playbook, with its default."""

import re
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from fleet.model import playbook as model
from fleet.model.again import AgainRule
from fleet.model.caps import DistrictBudget, Limit

DOC = Path(__file__).parents[2] / "docs" / "playbook.md"
COMMON = ("step", "name", "where", "timeout_s", "retry")
SECTIONS: dict[str, type[BaseModel]] = {
    "The playbook": model.Playbook,
    "account": model.Account,
    "preflight": model.PreflightStep,
    "stage": model.StageStep,
    "configure": model.ConfigureStep,
    "bind-key": model.BindKeyStep,
    "activate": model.ActivateStep,
    "probe": model.ProbeStep,
    "collect": model.CollectStep,
    "run": model.RunStep,
    "A command": model.Command,
    "retry of a step": model.RetryPolicy,
    "retry of a push": AgainRule,
    "waves": model.Waves,
    "gate": model.GateRule,
    "budget": model.Budget,
    "per_district": DistrictBudget,
    "limits": Limit,
}


def documented(section: str) -> dict[str, str]:
    """Key -> what the default column says."""
    text = re.split(rf"^##+ {re.escape(section)}$", DOC.read_text("utf-8"), flags=re.MULTILINE)[1]
    table = re.split(r"^##", text, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\| ", table, flags=re.MULTILINE))


def said(default: Any) -> str:
    """How the table says a default."""
    if default is PydanticUndefined:
        return ""
    if isinstance(default, BaseModel):
        return "see below"
    if default is None:
        return "none"
    if default in ("", (), {}):
        return "empty"
    return f"`{_plain(default)}`"


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_documented_with_its_default(section: str) -> None:
    fields = SECTIONS[section].model_fields
    own = {name: field for name, field in fields.items() if "Step" not in SECTIONS[section].__name__ or name not in COMMON}

    assert documented(section) == {name: said(field.default) for name, field in own.items()}


def test_what_every_step_has_is_documented_once() -> None:
    assert documented("Every step") == {"step": "", "name": "the kind", "where": "empty", "timeout_s": "`60`", "retry": "see below"}
    assert set(COMMON) <= set(model.StageStep.model_fields)


def test_every_kind_of_step_has_its_section() -> None:
    assert {kind.value for kind in model.StepKind} <= set(SECTIONS)
