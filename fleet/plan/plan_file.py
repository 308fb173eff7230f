"""The plan as a file: written by `fleet plan`, refused by everything that reads it once it has been edited."""

import re
from json import loads
from pathlib import Path

from pydantic import ValidationError

from fleet.errors import FleetError, InputError, is_disk_trouble, system_words
from fleet.files.reasons import explain
from fleet.model.plan import Plan, digest_of
from fleet.text import N_, Message

_HEAD = re.compile(rb'\s*\{\s*"format"\s*:\s*\d+\s*,\s*"playbook"')
_JSON_PLACE = re.compile(r"at line (?P<line>\d+) column (?P<column>\d+)")
_AGAIN = N_("make the plan again with `fleet plan --out`")


def check_place(path: Path, workspace: Path | None = None) -> None:
    """Refuse a path no plan may be written to, before the work of making one.

    Args:
        path: As a person typed it; whatever stands there may be a playbook, a key or the workspace's own database.
        workspace: What is in it is the program's alone.

    Raises:
        InputError: It names no ordinary file, one in a directory that is not there or in the workspace, or one that is no earlier plan.
    """
    hint = N_("name a file in a directory that is there, for example `plan.json`")
    try:
        if path.is_dir():
            raise InputError(N_("the plan cannot be written: this is a directory"), where=str(path), hint=hint)
        if path.exists() and not path.is_file():
            raise InputError(N_("the plan cannot be written: not an ordinary file"), where=str(path), hint=hint)
        if not path.parent.is_dir():
            raise InputError(N_("the plan cannot be written: there is no such directory"), where=str(path), hint=hint)
        if workspace is not None and path.resolve().is_relative_to(workspace.resolve()):
            what = N_("this is in the workspace, which holds only what the program keeps")
            raise InputError(what, where=str(path), hint=N_("name a file outside it with --out"))
        if path.exists() and not _is_plan(path):
            what = N_("a file is there that is no earlier plan, so it is not replaced")
            raise InputError(what, where=str(path), hint=N_("name another file with --out, or move that one away"))
    except OSError as error:
        raise _unwritable(error, path) from None


def write_plan(plan: Plan, path: Path) -> None:
    """Write the plan to `path`, in place of what was there; complete or not at all.

    Raises:
        InputError: It cannot be written there.
        FleetError: The disk is full or refuses; what was there before is whole.
    """
    check_place(path)
    part = path.with_name(".fleet-plan.part")  # the name alone may be as long as a name can be
    try:
        part.write_text(plan.model_dump_json(indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise _unwritable(error, path) from None
    finally:
        part.unlink(missing_ok=True)


def _is_plan(path: Path) -> bool:
    """Whether a file was written by `write_plan`, or holds nothing."""
    with path.open("rb") as stream:
        head = stream.read(200)
    return not head or _HEAD.match(head) is not None


def _unwritable(error: OSError, path: Path) -> FleetError:
    what = N_("the plan cannot be written: {reason}", reason=system_words(error))
    if is_disk_trouble(error):
        return FleetError(what, where=str(path), hint=N_("make room there, or name a file on another disk with --out"))
    return InputError(what, where=str(path), hint=N_("name another file with --out"))


def read_plan(path: Path) -> Plan:
    """The plan in the file at `path`.

    Raises:
        InputError: It cannot be read, is no plan, or was edited after it was made.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise InputError(N_("the plan cannot be read: not an ordinary file"), where=str(path), hint=_AGAIN)
        text = path.read_bytes()
        plan = Plan.model_validate_json(text)
    except IsADirectoryError:
        raise InputError(
            N_("the plan cannot be read: this is a directory"), where=str(path), hint=N_("name the file in it, for example `plan.json`")
        ) from None
    except OSError as error:
        raise InputError(N_("the plan cannot be read: {reason}", reason=system_words(error)), where=str(path), hint=_AGAIN) from None
    except ValidationError as error:
        raise InputError(_not_a_plan(error), where=str(path), hint=_AGAIN) from None
    digest = digest_of(loads(text))
    if digest != plan.digest:
        what = N_("the plan was edited: its digest is {found}, not {written}", found=digest[:12], written=plan.digest[:12] or "-")
        raise InputError(what, where=str(path), hint=_AGAIN)
    return plan


def _not_a_plan(error: ValidationError) -> Message:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "json_invalid" and (where := _JSON_PLACE.search(first["msg"])):
        return N_("not a plan file: no JSON at line {line}, column {column}", line=where["line"], column=where["column"])
    if not place:
        return N_("not a plan file: {reason}", reason=first["msg"])
    if first["type"] == "too_short" and (empty := _empty(first["loc"])) is not None:
        return empty
    what, _hint = explain(first, str(first["loc"][-1]))
    return N_("not a plan file: {place}: {reason}", place=place, reason=what)


def _empty(place: tuple[int | str, ...]) -> Message | None:
    """What there is nothing to push in, by its place in the file; None where it is something else that is too short."""
    match place:
        case ("waves",):
            return N_("the plan has no wave, so there is nothing to push")
        case ("waves", int(wave), "sites"):
            return N_("wave {number} of the plan has no site, so there is nothing to push in it", number=wave + 1)
        case ("waves", int(wave), "sites", int(site), "terminals"):
            return N_(
                "site {place} of wave {number} of the plan has no terminal, so there is nothing to push", place=site + 1, number=wave + 1
            )
    return None
