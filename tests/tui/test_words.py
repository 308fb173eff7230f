"""The words of the screens can be translated."""

import ast
from pathlib import Path

import fleet.tui

FILES = sorted(Path(fleet.tui.__file__).parent.glob("*.py"))


def test_no_marked_text_stands_inside_an_f_string_where_the_catalogue_does_not_look() -> None:
    hidden = [
        f"{file.name}:{call.lineno}"
        for file in FILES
        for text in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in {"_", "N_"}
    ]

    assert hidden == []
