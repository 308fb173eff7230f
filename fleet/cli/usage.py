"""A wrong command line in the reader's language: what is wrong, and the nearest right word."""

import os
import re
from errno import EACCES
from typing import Any

from typer._click.exceptions import BadOptionUsage, BadParameter, ClickException, MissingParameter, NoSuchOption, UsageError
from typer.core import TyperArgument, TyperGroup, TyperOption

from fleet.errors import InputError, system_words
from fleet.files import did_you_mean, one_of
from fleet.text import N_, Message

_UNKNOWN_COMMAND = re.compile(r"No such command '(?P<word>.*)'\.", re.DOTALL)
_NOT_READABLE = re.compile(r" is not readable\.?\s*$")
_EXTRA_ARGUMENTS = re.compile(r"Got unexpected extra argument\(s\) \((?P<words>.*)\)", re.DOTALL)


def input_error(error: ClickException) -> InputError:
    """The same mistake as our own error."""
    what, where, hint = _mistake(error)
    return InputError(what, where=where, hint=hint or _see_help(error))


def _mistake(error: ClickException) -> tuple[Message, str | None, Message | None]:
    where, hint = None, None
    if isinstance(error, NoSuchOption):
        what = N_("there is no option `{option}`", option=error.option_name)
        hint = _as_argument(error) or did_you_mean(error.option_name, error.possibilities or ())
    elif isinstance(error, MissingParameter):
        what = N_("`{name}` is missing", name=_name(error))
    elif isinstance(error, BadParameter):
        where, (what, hint) = _name(error), _bad_value(error)
    elif isinstance(error, BadOptionUsage):
        what = N_("option `{option}` needs a value", option=error.option_name)
    elif match := _UNKNOWN_COMMAND.fullmatch(error.message):
        what, hint = N_("there is no command `{word}`", word=match["word"]), _nearest_command(error, match["word"])
    elif match := _EXTRA_ARGUMENTS.fullmatch(error.message):
        what = N_("too many arguments: {words}", words=match["words"])
    else:
        what = Message("{reason}", {"reason": error.format_message()})
    return what, where, hint


def _bad_value(error: BadParameter) -> tuple[Message, Message | None]:
    descriptor = getattr(error.param, "type_descriptor", None)
    first = _first_problem(error)
    value = first.get("input")
    if descriptor is not None and descriptor.choices is not None:
        choices = [str(getattr(choice, "value", choice)) for choice in descriptor.choices]
        return N_("{value} is not one of {choices}", value=f"`{value}`", choices=", ".join(choices)), did_you_mean(str(value), choices)
    if first.get("type") in ("int_parsing", "int_from_float", "int_parsing_size"):
        return N_("`{value}` is not a whole number", value=value), None
    if first.get("type") == "float_parsing":
        return N_("`{value}` is not a number", value=value), None
    if first.get("type") in ("greater_than_equal", "less_than_equal", "greater_than", "less_than"):
        limit = next(iter(first["ctx"].values()))
        too_small = first["type"].startswith("greater")
        return (
            N_("{value} is less than {limit}", value=value, limit=limit)
            if too_small
            else N_("{value} is more than {limit}", value=value, limit=limit)
        ), None
    if _NOT_READABLE.search(error.message):
        return N_("it cannot be read: {reason}", reason=system_words(PermissionError(EACCES, os.strerror(EACCES)))), N_(
            "let its owner give you the permission to read it"
        )
    return Message("{reason}", {"reason": error.message}), None


def _first_problem(error: BadParameter) -> dict[str, Any]:
    cause = error.__cause__
    problems = cause.errors() if cause is not None and hasattr(cause, "errors") else []
    return problems[0] if problems else {}


def _name(error: BadParameter) -> str:
    param = error.param
    if param is None:
        return str(error.param_hint or "")
    return max(param.opts, key=len) if isinstance(param, TyperOption) else str(param.metavar or (param.name or "").upper())


def _nearest_command(error: ClickException, word: str) -> Message | None:
    ctx = error.ctx if isinstance(error, UsageError) else None
    if ctx is None or not isinstance(ctx.command, TyperGroup):
        return None
    return one_of(word, ctx.command.list_commands(ctx))


def _as_argument(error: NoSuchOption) -> Message | None:
    """The hint where what was typed as an option is written without one: `--site X` instead of `X`."""
    word = error.option_name.strip("-").replace("-", "_").upper()
    arguments = [param for param in error.ctx.command.params if isinstance(param, TyperArgument)] if error.ctx is not None else []
    if error.ctx is None or word not in {str(param.metavar or param.name).upper().removesuffix("...") for param in arguments}:
        return None
    return N_("{word} is written without an option: `{command} {word}`", word=word, command=error.ctx.command_path)


def _see_help(error: ClickException) -> Message | None:
    ctx = error.ctx if isinstance(error, UsageError) else None
    return N_("`{command} --help` shows what there is", command=ctx.command_path) if ctx is not None else None
