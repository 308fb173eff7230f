"""Why a value is not taken, in marked words: Pydantic's findings, translated into our own messages with a hint.

One rule for YAML files and table rows, so that both speak alike.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from fleet.files.spelling import one_of
from fleet.model.base import CODE_PATTERN, HOST_PATTERN, PATH_PATTERN, USER_PATTERN, VERSION_PATTERN, unprintable
from fleet.model.inventory import FINGERPRINT_PATTERN, LABEL_KEY_PATTERN, LABEL_VALUE_PATTERN
from fleet.model.playbook import LIVE_VERSION_PATTERN
from fleet.text import N_, Message

_PATTERNS = {
    CODE_PATTERN: N_("use 1 to 32 letters, digits, `.`, `_` and `-`, beginning with a letter or digit"),
    USER_PATTERN: N_("use 1 to 32 small letters, digits, `_` and `-`, beginning with a letter or `_`"),
    HOST_PATTERN: N_("use a host name or an IP address, without port or user"),
    PATH_PATTERN: N_("use a path of letters, digits and `._+@-`, without `..`, hidden parts or spaces"),
    VERSION_PATTERN: N_("use 1 to 32 letters, digits, `.`, `_`, `+` and `-`"),
    LIVE_VERSION_PATTERN: N_("use 1 to 32 letters, digits, `.`, `_`, `+` and `-`, and `*` at the end for anything"),
    r"^[a-z][a-z0-9_]{0,31}$": N_("use 1 to 32 small letters, digits and `_`, beginning with a letter"),
    LABEL_KEY_PATTERN: N_("use 1 to 32 small letters, digits, `_` and `-`, beginning with a letter"),
    LABEL_VALUE_PATTERN: N_("use 1 to 64 characters without spaces, `=`, `;` and `,`"),
    r"^[^\x00-\x1f\x7f]+$": N_("use 1 to 400 printable characters"),
    FINGERPRINT_PATTERN: N_("use the fingerprint as `ssh-keygen -lf` prints it: `SHA256:` and 43 characters"),
}

_KINDS: Mapping[str, Message] = {
    "string_type": N_("a text is needed here"),
    "int_type": N_("a whole number is needed here"),
    "int_parsing": N_("a whole number is needed here"),
    "int_parsing_size": N_("a whole number is needed here"),
    "int_from_float": N_("a whole number is needed here"),
    "float_type": N_("a number is needed here"),
    "float_parsing": N_("a number is needed here"),
    "finite_number": N_("a number is needed here"),
    "bool_type": N_("`true` or `false` is needed here"),
    "bool_parsing": N_("`true` or `false` is needed here"),
    "tuple_type": N_("a list is needed here, for example `[one, two]`"),
    "list_type": N_("a list is needed here, for example `[one, two]`"),
    "dict_type": N_("`key: value` lines are needed here"),
    "mapping_type": N_("`key: value` lines are needed here"),
    "model_type": N_("`key: value` lines are needed here"),
    "model_attributes_type": N_("`key: value` lines are needed here"),
}


def _number(limit: float) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


_LIMITS: Mapping[str, Callable[[Mapping[str, Any]], Message]] = {
    "greater_than": lambda ctx: N_("it must be more than {limit}", limit=_number(ctx["gt"])),
    "greater_than_equal": lambda ctx: N_("it must be at least {limit}", limit=_number(ctx["ge"])),
    "less_than": lambda ctx: N_("it must be less than {limit}", limit=_number(ctx["lt"])),
    "less_than_equal": lambda ctx: N_("it must be at most {limit}", limit=_number(ctx["le"])),
    "string_too_long": lambda ctx: N_("it may be at most {limit} {limit:character|characters} long", limit=ctx["max_length"]),
    "string_too_short": lambda ctx: N_("it must be at least {limit} {limit:character|characters} long", limit=ctx["min_length"]),
    "too_short": lambda ctx: N_("it needs at least {limit} {limit:entry|entries}", limit=ctx["min_length"]),
    "too_long": lambda ctx: N_("it may have at most {limit} {limit:entry|entries}", limit=ctx["max_length"]),
}


def shown(value: object, limit: int = 60) -> str:
    """A value from a file as it may be shown: bounded, and nothing in it can steer a screen."""
    text = str(value)
    while (bad := unprintable(text)) is not None:
        text = text.replace(bad, f"<U+{ord(bad):04X}>")
        text = text if len(text) <= 20 * limit else text[: 2 * limit]
    return text if len(text) <= limit else text[: limit - 3] + "..."


def explain(error: ErrorDetails, key: str) -> tuple[Message, Message | None]:
    """What is wrong with the value at `key`, and how to mend it where that can be said."""
    kind, given, ctx = error["type"], error["input"], error.get("ctx", {})
    if str(given).strip(" +-").lower() == "nan" and kind in _LIMITS:
        kind = "finite_number"  # it is no number, so it breaks no limit
    if kind == "missing":
        return N_("`{key}` is missing", key=key), None
    if given is None or given == "":
        return N_("`{key}` is empty", key=key), _rule(kind, ctx)
    if kind in ("enum", "literal_error", "union_tag_invalid"):
        return _unknown_word(error, key)
    if kind == "union_tag_not_found":
        return N_("`{key}` is missing", key=str(ctx["discriminator"]).strip("'")), None
    if kind == "value_error":
        return _own_words(ctx, key, given), next(iter(ctx["error"].args[1:]), None)
    return _wrong_value(error, key), _rule(kind, ctx)


def _wrong_value(error: ErrorDetails, key: str) -> Message:
    kind, given, ctx = error["type"], error["input"], error.get("ctx", {})
    if _rule(kind, ctx) is None:
        return N_("`{key}` cannot be used: {reason}", key=key, reason=error["msg"])
    if isinstance(given, (dict, list, tuple)):
        return N_("`{key}` has the wrong form", key=key)
    return N_("`{key}` cannot be `{value}`", key=key, value=shown(given))


def _rule(kind: str, ctx: Mapping[str, Any]) -> Message | None:
    if kind == "string_pattern_mismatch":
        pattern = str(ctx["pattern"])
        return _PATTERNS.get(pattern, N_("it must match `{pattern}`", pattern=pattern))
    if kind in _LIMITS:
        return _LIMITS[kind](ctx)
    return _KINDS.get(kind)


def _unknown_word(error: ErrorDetails, key: str) -> tuple[Message, Message]:
    ctx = error["ctx"]
    known = re.findall(r"'([^']*)'", str(ctx.get("expected_tags") or ctx["expected"]))
    given = ctx.get("tag", error["input"])
    key = str(ctx["discriminator"]).strip("'") if "discriminator" in ctx else key
    return N_("`{key}` cannot be `{value}`", key=key, value=shown(given)), one_of(str(given), known)


def _own_words(ctx: Mapping[str, Any], key: str, given: object) -> Message:
    """The model's own finding: a marked message where it gave one."""
    said = ctx["error"].args[0] if ctx["error"].args else ""
    if isinstance(given, (dict, list, tuple)):
        return N_("`{key}`: {reason}", key=key, reason=said)
    return N_("`{key}` is `{value}`: {reason}", key=key, value=shown(given), reason=said)
