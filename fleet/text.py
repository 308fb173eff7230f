"""Words for people: marked messages with values, formatted at the door in the reader's language.

- `N_("... {name} ...", name=value)` marks a message and keeps its values; nothing is formatted yet.
- A door calls `render(message)`; `_("...")` marks and renders at once, for the doors' own words.
- English source text is the key. A message without a translation is shown in English, never refused.
- `{count} {count:site|sites}` is `1 site` or `2 sites`; a translation leaves such a place out where its language needs none.
- Values are data: they are inserted as they are and never looked up in the catalogue, except a value that is itself a Message.
"""

import gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

LANGUAGES = ("en", "zh_CN")
_DOMAIN = "fleet"
_CATALOGUES = Path(__file__).parent / "locale"
_language: ContextVar[str | None] = ContextVar("language", default=None)
_process_language = "en"


@dataclass(frozen=True, slots=True)
class Message:
    """A text in English with `{name}` places, and the values that go there."""

    text: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The English form, for logs and tests; doors use `render`."""
        return _fill(self.text, self.values, "en")


def N_(text: str, /, **values: Any) -> Message:  # noqa: N802 - gettext's own name for a marked text
    """Mark a text for translation and keep its values for later."""
    return Message(text, values)


def _(text: str, /, **values: Any) -> str:
    """Mark a text and render it in the current language; for the doors."""
    return render(Message(text, values))


def render(message: Message | str, language: str | None = None) -> str:
    """The message in `language` (default: the current one). A plain string comes back unchanged: it is data."""
    if isinstance(message, str):
        return message
    language = language or current_language()
    return _fill(_catalogue(language).gettext(message.text) if message.text else "", message.values, language)


def current_language() -> str:
    """The language doors render in: that of `speaking`, else the one `use_language` chose."""
    return _language.get() or _process_language


def use_language(language: str) -> None:
    """Choose the process's language; raises ValueError for one we do not speak."""
    global _process_language  # noqa: PLW0603 - the one process-wide choice, made at a door
    if language not in LANGUAGES:
        raise ValueError(language)
    _process_language = language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Render in `language` inside the block; for one request or one test."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def language_of_environment() -> str:
    """The language that FLEET_LANG, LC_ALL, LC_MESSAGES or LANG ask for: `zh_CN` for any Chinese, else `en`."""
    for name in ("FLEET_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "zh_CN" if value.lower().startswith("zh") else "en"
    return "en"


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(_DOMAIN, _CATALOGUES, [language], fallback=True)


def _fill(text: str, values: dict[str, Any], language: str) -> str:
    if not values:
        return text
    shown = {name: render(value, language) if isinstance(value, Message) else value for name, value in values.items()}
    return _COUNTED.vformat(text, (), shown) if "|" in text else text.format_map(shown)


class _Counted(Formatter):
    """Fills places; one like `{count:site|sites}` becomes the word that goes with the number."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """The first word for 1, the second for any other number; every other place as usual."""
        one, bar, many = format_spec.partition("|")
        if not bar:
            return str(super().format_field(value, format_spec))
        return one if value == 1 else many


_COUNTED = _Counted()
