"""What is about everything wants its size typed: nobody means every site by leaving a word out."""

from fleet.errors import InputError
from fleet.text import N_


def check_typed(typed: int | None, sites: int) -> None:
    """Hold the number that a person typed against the sites it is really about; None: nobody was asked.

    Raises:
        InputError: It is another number.
    """
    if typed is not None and typed != sites:
        raise InputError(
            N_("this is about {sites} {sites:site|sites}, not {typed}; nothing was changed", sites=sites, typed=typed),
            hint=N_("if all of them are meant, type {sites}", sites=sites),
        )
