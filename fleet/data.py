"""The data that travels with the program: the sample inventories and the playbooks, in a checkout and in an installed wheel."""

from importlib.resources import files
from pathlib import Path

from fleet.errors import InternalError
from fleet.text import N_


def data_dir(name: str) -> Path:
    """Directory `inventory` or `playbooks` as it came with this program.

    Raises:
        InternalError: The program was installed without it.
    """
    package = Path(str(files("fleet")))
    for directory in (package / "data" / name, package.parent / name):
        if directory.is_dir():
            return directory
    raise InternalError(N_("the program was installed without its `{name}` directory", name=name))
