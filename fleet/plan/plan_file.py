"""The plan as a file: written by `fleet plan`, refused by everything that reads it once it has been edited."""

from pathlib import Path

from pydantic import ValidationError

from fleet.errors import InputError
from fleet.model.plan import Plan
from fleet.text import N_, Message

_AGAIN = N_("make the plan again with `fleet plan --out`")


def write_plan(plan: Plan, path: Path) -> None:
    """Write the plan to `path`, in place of what was there; complete or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(plan.model_dump_json(indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_plan(path: Path) -> Plan:
    """The plan in the file at `path`.

    Raises:
        InputError: It cannot be read, is no plan, or was edited after it was made.
    """
    try:
        plan = Plan.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            N_("the plan cannot be read: {reason}", reason=error.strerror or str(error)), where=str(path), hint=_AGAIN
        ) from None
    except ValidationError as error:
        raise InputError(_not_a_plan(error), where=str(path), hint=_AGAIN) from None
    digest = plan.compute_digest()
    if digest != plan.digest:
        what = N_("the plan was edited: its digest is {found}, not {written}", found=digest[:12], written=plan.digest[:12] or "-")
        raise InputError(what, where=str(path), hint=_AGAIN)
    return plan


def _not_a_plan(error: ValidationError) -> Message:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    if not place:
        return N_("not a plan file: {reason}", reason=first["msg"])
    return N_("not a plan file: {place}: {reason}", place=place, reason=first["msg"])
