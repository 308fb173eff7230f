"""Tables from YAML: a list in a file that is named after its table, or a list under each table's name."""

from collections.abc import Sequence
from typing import Any

from fleet.files.mistakes import Mistakes
from fleet.files.nodes import Node, read_nodes
from fleet.files.reasons import shown
from fleet.files.spelling import one_of
from fleet.files.tables import Row, Shape, Table, near_heading
from fleet.text import N_


def read_yaml(file: str, data: bytes, shapes: Sequence[Shape], named: Shape | None, mistakes: Mistakes) -> list[Table]:
    """The tables in the bytes of a YAML file.

    Args:
        file: Its name in mistakes.
        data: Its bytes.
        shapes: The tables a top-level key may be named after.
        named: The table the file itself is named after; then it may be the list alone.
        mistakes: Takes what cannot be read.
    """
    root = read_nodes(file, data, mistakes)
    if root is None:
        return [Table(file, shape, whole=False) for shape in shapes if named in (None, shape)]
    if isinstance(root.value, list) and named is not None:
        return [_table(file, named, root, mistakes)]
    names = [shape.name for shape in shapes]
    if not isinstance(root.value, dict):
        what = N_("the file is empty") if root.value is None else N_("the lists stand under no key")
        mistakes.add(file, root.line, what, N_("write each list under its key: {names}", names=", ".join(names)))
        return []
    tables = []
    for key, node in root.value.items():
        shape = next((shape for shape in shapes if shape.is_called(key)), None)
        if shape is None:
            mistakes.add(file, root.line_of(key), N_("unknown key `{key}`", key=shown(key)), one_of(key, names))
        else:
            tables.append(_table(file, shape, node, mistakes))
    return tables


def _table(file: str, shape: Shape, node: Node, mistakes: Mistakes) -> Table:
    table = Table(file, shape, whole=not node.unread)
    if node.value is None:
        return table
    if not isinstance(node.value, list):
        mistakes.add(file, node.line, N_("`{key}` needs a list", key=shape.name), N_("begin each entry with `- `"))
        table.whole = False
        return table
    for item in node.value:
        row = _row(table, item, mistakes)
        if row is not None:
            table.rows.append(row)
    return table


def _row(table: Table, item: Node, mistakes: Mistakes) -> Row | None:
    if item.unread:
        table.whole = False
        return None
    if not isinstance(item.value, dict):
        mistakes.add(table.file, item.line, N_("`key: value` lines are needed here"), N_("for example `- code: {code}`", code="a1"))
        table.whole = False
        return None
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    bad: set[str] = set()
    for key, node in item.value.items():
        line = item.line_of(key)
        column = key if key in table.shape.columns else table.shape.column_of(key)
        if column is None:
            mistakes.add(table.file, line, N_("unknown key `{key}`", key=shown(key)), near_heading(key, table.shape))
        elif column in lines:
            what = N_("column `{column}` is given twice", column=shown(key))
            mistakes.add(table.file, line, what, N_("the first is in line {line}; keep one", line=lines[column]))
        else:
            lines[column] = line
            if node.unread:
                bad.add(column)
            value = node.value.strip() if isinstance(node.value, str) else node.plain()
            if value not in (None, "", [], {}):
                values[column] = value
    return Row(table, item.line, values, lines, bad)
