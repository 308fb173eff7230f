"""A YAML file as one validated value of a model.

Every mistake is told at once, each with its line: unknown and missing keys, wrong values, doubled keys, broken YAML.
"""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fleet.files.decode import read_bytes
from fleet.files.mistakes import Mistakes, all_mistakes
from fleet.files.nodes import Node, read_nodes
from fleet.files.reasons import explain, shown
from fleet.files.spelling import one_of
from fleet.text import N_

M = TypeVar("M", bound=BaseModel)


def read_model(path: Path, model: type[M]) -> M:
    """The value of `model` that the YAML file at `path` describes.

    Scalars reach the model as the text that was written; the model's types decide what they are.

    Raises:
        MistakesError: The file cannot be read, is not YAML, or does not describe a `model`; every mistake with its line.
    """
    with all_mistakes() as mistakes:
        data = read_bytes(path, mistakes)
        node = read_nodes(str(path), data, mistakes) if data is not None else None
        value = _validated(str(path), node, model, mistakes) if node is not None else None
    assert value is not None
    return value


def _validated(file: str, node: Node, model: type[M], mistakes: Mistakes) -> M | None:
    if node.unread:
        return None
    if not isinstance(node.value, dict):
        what = N_("the file is empty") if node.value is None else N_("`key: value` lines are needed here")
        mistakes.add(file, node.line, what, N_("it begins with one of: {names}", names=", ".join(model.model_fields)))
        return None
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        schema = model.model_json_schema()
        for detail in error.errors(include_url=False):
            _note(file, node, schema, detail, mistakes)
    return None


def _note(file: str, root: Node, schema: dict[str, Any], detail: ErrorDetails, mistakes: Mistakes) -> None:
    if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
        return  # only because its entries were refused, and each of those is told
    place = _Place(root, schema)
    for part in detail["loc"]:
        place.enter(part)
    if place.unread:
        return
    if detail["type"] == "extra_forbidden":
        what = N_("unknown key `{key}`", key=shown(place.key))
        mistakes.add(file, place.key_line, what, one_of(place.key, place.known) if place.known else N_("delete it"))
        return
    what, hint = explain(detail, place.key)
    mistakes.add(file, place.line, what, hint)


class _Place:
    """Follows a location of Pydantic through the nodes and the model's schema.

    The location also holds parts that are no key of the file (the tag of a discriminated union, `[key]`): they are passed over.
    """

    def __init__(self, root: Node, schema: dict[str, Any]) -> None:
        self._node = root
        self._definitions = schema.get("$defs", {})
        self._schema = schema
        self.line = root.line
        self.key_line = root.line
        self.key = ""
        self.known: list[str] = []

    @property
    def unread(self) -> bool:
        """What stands here was noted as a mistake already."""
        return self._node.unread

    def enter(self, part: str | int) -> None:
        """Go one part deeper."""
        value = self._node.value
        if isinstance(part, int):
            if isinstance(value, list) and part < len(value):
                self._node = value[part]
                self._schema = self._resolved().get("items", {})
                self.line = self._node.line
            return
        if isinstance(value, dict):
            self._enter_key(part, value)

    def _enter_key(self, part: str, value: dict[str, Node]) -> None:
        schema = self._resolved()
        if part in value:
            self.known = [name for name in schema.get("properties", {}) if name not in value]
            self.key_line = self._node.line_of(part)
            self._node = value[part]
            self.line = self.key_line if not isinstance(self._node.value, (dict, list)) else self._node.line
        elif part not in schema.get("properties", {}):
            return
        self.key = part
        self._schema = schema.get("properties", {}).get(part) or schema.get("additionalProperties") or {}

    def _resolved(self) -> dict[str, Any]:
        """The schema here, with references followed and the tag of a discriminated union chosen by what the file says."""
        schema = self._schema if isinstance(self._schema, dict) else {}
        if "discriminator" in schema and isinstance(self._node.value, dict):
            tag = self._node.value.get(schema["discriminator"]["propertyName"])
            schema = {"$ref": schema["discriminator"]["mapping"].get(tag.plain() if tag else None, "")}
        for option in schema.get("anyOf", ()):
            if "$ref" in option or "properties" in option or "items" in option:
                schema = option
                break
        if "$ref" in schema:
            return dict(self._definitions.get(schema["$ref"].rpartition("/")[2], {}))
        return schema
