"""Keeps the message catalogues in step with the source.

    python .ci/catalogues.py update    take new texts in, drop those that are gone, compile
    python .ci/catalogues.py check     fail where a translation is missing, uncertain or broken

- A text is what stands as a literal in `N_(...)` or `_(...)`; the template is made from the source each time and never stored.
- The compiled .mo files are committed: the program runs from a checkout without Babel.
"""

import re
import string
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LANGUAGES = ("zh_CN",)
_KEYWORDS = {"N_": None, "_": None}
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_HAN = re.compile("[\u4e00-\u9fff]")


def source_texts(package: Path) -> Catalog:
    """Every marked text of the package, with the files it stands in."""
    texts = Catalog(project="fleet-orchestrator")
    found = extract_from_dir(package, method_map=[("**.py", "python")], options_map={}, keywords=_KEYWORDS, comment_tags=())
    for file, _line, text, _comments, _context in found:
        texts.add(text, locations=[(f"{package.name}/{file}", 0)])
    return texts


def update(package: Path) -> None:
    """Bring each catalogue up to date with the source and compile it."""
    texts = source_texts(package)
    for language in LANGUAGES:
        file = catalogue_file(package, language)
        file.parent.mkdir(parents=True, exist_ok=True)
        catalogue = _read(file, language)
        catalogue.update(texts, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        _settle_header(catalogue)
        with file.open("wb") as stream:
            write_po(stream, catalogue, width=0, sort_by_file=True, omit_header=False, include_lineno=False)
        file.with_suffix(".mo").write_bytes(_compiled(_read(file, language)))


def check(package: Path) -> list[str]:
    """Everything that is wrong with the catalogues, one line each."""
    texts = source_texts(package)
    return [problem for language in LANGUAGES for problem in _problems(package, language, texts)]


def catalogue_file(package: Path, language: str) -> Path:
    """Where a language's catalogue lies."""
    return package / "locale" / language / "LC_MESSAGES" / "fleet.po"


def _problems(package: Path, language: str, texts: Catalog) -> Iterator[str]:
    file = catalogue_file(package, language)
    if not file.exists():
        yield f"{file}: there is no catalogue"
        return
    catalogue = _read(file, language)
    for text in texts:
        if text.id and text.id not in catalogue:
            yield f"{file}: not taken in: {text.id!r} of {text.locations[0][0]}"
    for entry in catalogue:
        if entry.id:
            yield from (f"{file}: {problem}: {entry.id!r}" for problem in _entry_problems(entry, texts))
    compiled = file.with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != _compiled(catalogue):
        yield f"{compiled}: not compiled from {file.name}"


def _entry_problems(entry: Message, texts: Catalog) -> Iterator[str]:
    if entry.id not in texts:
        yield "no longer in the source"
    elif not entry.string:
        yield "not translated"
    elif entry.fuzzy:
        yield "marked as uncertain (fuzzy)"
    elif _places(str(entry.id)) != _places(str(entry.string)):
        yield f"the translation has other {{places}}: {entry.string!r}"
    elif glyphs := [glyph for glyph in str(entry.string) if unicodedata.east_asian_width(glyph) == "A"]:
        yield f"glyphs whose width terminals disagree about: {' '.join(glyphs)}"
    elif entry.string == entry.id and re.search(r"[A-Za-z]{3}", _without_places(str(entry.id))) and not _HAN.search(str(entry.string)):
        yield "translated by itself"


def _settle_header(catalogue: Catalog) -> None:
    """Keep people and the hour out of the header: the history knows them, and an update without news changes nothing."""
    catalogue.header_comment = "# Messages of fleet-orchestrator. English stands in the source; docs/glossary.md has the words to use."
    catalogue.last_translator = catalogue.language_team = "fleet-orchestrator"
    catalogue.msgid_bugs_address = "fleet-orchestrator"
    catalogue.creation_date = catalogue.revision_date = _NO_DATE


def _places(text: str) -> list[str]:
    """Its places; those that only choose a word by a number are each language's own affair."""
    try:
        places = [(name, form or "", conversion) for _text, name, form, conversion in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        return [f"broken: {error}"]
    return sorted(f"{name}!{conversion}:{form}" for name, form, conversion in places if "|" not in form)


def _without_places(text: str) -> str:
    return re.sub(r"\{[^}]*\}|`[^`]*`", "", text)


def _read(file: Path, language: str) -> Catalog:
    if not file.exists():
        return Catalog(locale=language, domain="fleet", project="fleet-orchestrator", fuzzy=False)
    with file.open("rb") as stream:
        return read_po(stream, locale=language, domain="fleet")


def _compiled(catalogue: Catalog) -> bytes:
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    return compiled.getvalue()


def main(arguments: list[str]) -> int:
    """Carry out `update` or `check`."""
    package = ROOT / "fleet"
    if arguments == ["update"]:
        update(package)
        return 0
    if arguments != ["check"]:
        sys.stderr.write("usage: catalogues.py update | check\n")
        return 2
    problems = check(package)
    for problem in problems:
        sys.stderr.write(problem + "\n")
    if problems:
        sys.stderr.write(
            f"{len(problems)} problems in the catalogues; `make catalogues` takes new texts in, the rest is for a translator\n"
        )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
