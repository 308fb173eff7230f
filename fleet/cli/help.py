"""Help pages in the reader's language, Chinese counted two columns wide.

Typer's own pages are English, count characters instead of columns, and load every command to list it.
"""

import inspect
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from typer._click import Context, HelpFormatter, Parameter
from typer.core import TyperCommand, TyperGroup, TyperOption

from fleet.text import _

_INDENT = 2
_WIDEST_NAME = 28
_WIDEST_PAGE = 100


class FleetCommand(TyperCommand):
    """A command whose help page is ours."""

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the whole page."""
        formatter.write(_page(self, ctx))


class FleetGroup(TyperGroup):
    """A group whose help page is ours."""

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the whole page."""
        formatter.write(_page(self, ctx, self.summaries(ctx), self.common_options()))

    def summaries(self, ctx: Context) -> list[tuple[str, str]]:
        """Name and one line for each command, in the order they are listed."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        return [(name, _first_line(command.help)) for name, command in commands if command is not None and not command.hidden]

    def common_options(self) -> list[tuple[str, str]]:
        """Options that are taken out before Typer sees the arguments, and what they do."""
        return []


def dress(app: typer.Typer) -> typer.Typer:
    """Give every command and group of `app` our help pages; a group without a command shows its page."""
    app.info.cls = FleetGroup
    app.info.no_args_is_help = True
    for command in app.registered_commands:
        command.cls = FleetCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            dress(group.typer_instance)
    return app


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns; breaks at spaces, and between any two Chinese characters."""
    from rich.cells import cell_len

    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _pieces(paragraph):
            if line and cell_len((line + piece).rstrip()) > width:
                lines.append(line.rstrip())
                line = piece.lstrip()
            else:
                line += piece
        lines.append(line.rstrip())
    return lines


def _page(
    command: TyperCommand | TyperGroup, ctx: Context, commands: Sequence[tuple[str, str]] = (), common: Sequence[tuple[str, str]] = ()
) -> str:
    width = min(shutil.get_terminal_size().columns, _WIDEST_PAGE) - 2
    params = [param for param in command.get_params(ctx) if not getattr(param, "hidden", False)]
    options = [param for param in params if isinstance(param, TyperOption)]
    arguments = [param for param in params if not isinstance(param, TyperOption)]
    lines = [_("Usage: {usage}", usage=" ".join([ctx.command_path, *_usage(arguments, has_commands=bool(commands))]))]
    if command.help:
        lines += ["", *(" " * _INDENT + line for line in wrap(inspect.cleandoc(command.help), width - _INDENT))]
    for heading, rows in (
        (_("Commands:"), commands),
        (_("Arguments:"), [(_argument_name(param), _purpose(param)) for param in arguments]),
        (_("Options:"), [*((_option_name(param, ctx), _purpose(param)) for param in options), *common]),
    ):
        lines += _section(heading, rows, width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _usage(arguments: Sequence[Parameter], *, has_commands: bool) -> Iterator[str]:
    yield _("[OPTIONS]")
    yield from (_argument_name(param) if param.required else f"[{_argument_name(param)}]" for param in arguments)
    if has_commands:
        yield _("COMMAND ...")


def _section(heading: str, rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    from rich.cells import cell_len

    if not rows:
        return
    yield ""
    yield heading
    column = min(max(cell_len(name) for name, _text in rows), _WIDEST_NAME) + _INDENT
    for name, text in rows:
        beside = cell_len(name) <= column - _INDENT
        lines = wrap(text, max(width - column - _INDENT, 20))
        if not beside:
            yield " " * _INDENT + name
        for number, line in enumerate(lines):
            left = name if beside and number == 0 else ""
            yield " " * _INDENT + left + " " * (column - cell_len(left)) + line


def _argument_name(param: Parameter) -> str:
    name = param.metavar or (param.name or "").upper()
    return f"{name}..." if param.nargs == -1 and not name.endswith("...") else name


def _option_name(param: TyperOption, ctx: Context) -> str:
    names = ", ".join(sorted(param.opts, key=len))
    if param.secondary_opts:
        names += " / " + ", ".join(param.secondary_opts)
    if param.is_flag or param.count:
        return names
    kind = param.display_type(ctx).strip("<>")
    return f"{names} {param.metavar or (kind if param.type_descriptor.is_choice else kind.upper())}"


def _purpose(param: Parameter) -> str:
    if "--help" in param.opts:
        return _("Show this page.")
    extras = []
    if isinstance(param, TyperOption) and param.required:
        extras.append(_("required"))
    if param.envvar:
        extras.append(_("environment: {name}", name=param.envvar))
    if (
        getattr(param, "show_default", False)
        and param.default != ""
        and isinstance(param.default, str | int | float | Path)
        and not isinstance(param.default, bool)
    ):
        extras.append(_("default: {value}", value=getattr(param.default, "value", param.default)))
    text = getattr(param, "help", None) or ""
    return f"{text} [{'; '.join(extras)}]".strip() if extras else text


def _first_line(text: str | None) -> str:
    return inspect.cleandoc(text or "").partition("\n")[0]


def _pieces(text: str) -> Iterator[str]:
    word = ""
    for character in text:
        if character > "\u2e7f" and character not in "，。；：、！？）》」』":
            if word:
                yield word
            word = character
        elif character == " ":
            yield word + " "
            word = ""
        else:
            word += character
    if word:
        yield word
