"""Help pages."""

from enum import StrEnum

import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.main import get_command, get_group

from fleet.cli.help import dress, wrap


class Format(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"


def export(
    *,
    sites: list[str] = typer.Argument(None, help="Which sites."),
    form: Format = typer.Option(Format.XLSX, "--format", help="Kind of file."),
    limit: int = typer.Option(..., "--limit", "-n", help="How many.", envvar="LIMIT"),
    plain: bool = typer.Option(False, "--plain/--pretty", help="No colours."),
    seed: int = typer.Option(0, help="Where chance begins."),
    secret: bool = typer.Option(False, hidden=True),
) -> None:
    """Write the counts."""


def page(app: typer.Typer) -> str:
    command = get_command(dress(app))
    return command.get_help(typer.Context(command, info_name="export"))


def test_a_page_shows_arguments_options_defaults_and_what_is_required() -> None:
    app = typer.Typer(add_completion=False)
    app.command()(export)

    assert page(app).splitlines() == [
        "Usage: export [OPTIONS] [SITES...]",
        "",
        "  Write the counts.",
        "",
        "Arguments:",
        "  SITES...  Which sites.",
        "",
        "Options:",
        "  --format xlsx|csv   Kind of file. [default: xlsx]",
        "  -n, --limit INT     How many. [required; environment: LIMIT]",
        "  --plain / --pretty  No colours.",
        "  --seed INT          Where chance begins. [default: 0]",
        "  --help              Show this page.",
    ]


def test_a_group_lists_its_commands_with_their_first_line() -> None:
    app = typer.Typer(add_completion=False)
    app.command("export", help="Write the counts.\n\nMore about it.")(export)
    group = get_group(dress(app))

    shown = group.get_help(typer.Context(group, info_name="fleet"))

    assert "Usage: fleet [OPTIONS] COMMAND ..." in shown
    assert "\n  export  Write the counts.\n" in shown
    assert "More about it" not in shown


def test_chinese_is_wrapped_by_columns_and_no_line_begins_with_a_full_stop() -> None:
    lines = wrap("把终端分批升级，先行批通过关口之后才继续。" * 3, 20)

    assert max(map(cell_len, lines)) <= 20
    assert not any(line.startswith(("，", "。")) for line in lines)


@given(st.lists(st.text(alphabet="ab 站点，。", min_size=1, max_size=9)).map(" ".join), st.integers(min_value=12, max_value=60))
def test_wrapping_loses_nothing_but_spaces(text: str, width: int) -> None:
    assert "".join(wrap(text, width)).replace(" ", "") == text.replace(" ", "")
