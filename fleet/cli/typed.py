"""Asking for the number of sites before something that is about all of them: at a terminal, or with `--count` in a script."""

import sys

from fleet.cli.common import say
from fleet.errors import InputError
from fleet.text import N_, Message, render


def typed_count(count: int | None, sites: int, about: Message) -> int:
    """The number of sites that the person confirms; control holds it against what is there.

    Args:
        count: What `--count` says.
        sites: How many it is about.
        about: What that is, in a sentence.

    Raises:
        InputError: `--count` is missing and nobody is there to be asked, or no number was typed.
    """
    if count is not None:
        return count
    hint = N_("if that is meant, add `--count {sites}`", sites=sites)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(about, hint=hint)
    say(render(about))
    say(render(N_("Type how many sites that is, or nothing to leave everything as it is:")))
    answer = sys.stdin.readline().strip()
    if not answer.isascii() or not answer.isdigit():
        raise InputError(N_("nothing was confirmed, and nothing was changed"), hint=hint)
    return int(answer)
