"""Who and what there is: districts, sites, terminals, people, and the fleet they make."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from fleet.model.base import AccountName, Code, FreeText, Host, Name, Noun, Printable, UserName


class SiteKind(StrEnum):
    """What kind of institution a site is."""

    HOSPITAL = "hospital"
    PHARMACY = "pharmacy"


class Reach(StrEnum):
    """How a terminal is upgraded: by this program over SSH, or by a technician's hand."""

    SSH = "ssh"
    BY_HAND = "by-hand"


class Role(StrEnum):
    """What a person may do."""

    TECHNICIAN = "technician"
    COORDINATOR = "coordinator"
    MANAGER = "manager"


LABEL_KEY_PATTERN = r"^[a-z][a-z0-9_-]{0,31}$"
LABEL_VALUE_PATTERN = r"^[^\s=;,，；、]{1,64}$"
LabelKey = Annotated[str, StringConstraints(pattern=LABEL_KEY_PATTERN)]
LabelValue = Annotated[str, StringConstraints(pattern=LABEL_VALUE_PATTERN), Printable]
Labels = dict[LabelKey, LabelValue]
"""Free properties, `vendor` and `arch` among them; selections match them by name (`vendor:x`)."""

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Port = Annotated[int, Field(ge=1, le=65535)]
FINGERPRINT_PATTERN = r"^SHA256:[A-Za-z0-9+/]{43}$"
Fingerprint = Annotated[str, StringConstraints(pattern=FINGERPRINT_PATTERN)]
"""An OpenSSH host key fingerprint as `ssh-keygen -lf` prints it."""


class District(Noun):
    """A county or district; a tree by `parent`."""

    code: Code
    name: Name
    name_en: FreeText = ""
    parent: Code | None = None

    def name_in(self, language: str) -> str:
        """The English name where the reader's language is English and there is one."""
        return self.name_en if language == "en" and self.name_en else self.name


class Site(Noun):
    """A hospital or a pharmacy."""

    code: Code
    kind: SiteKind
    name: Name
    district: Code
    address: FreeText = ""
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    contact: FreeText = ""
    phone: FreeText = ""
    opening_hours: FreeText = ""
    """`08:00-20:00`, several separated by spaces; empty is unknown. Local time of the workspace."""
    open_24h: bool = False
    emergency: bool = False
    labels: Labels = {}


class Terminal(Noun):
    """One card-swiping machine. `id` is `SITE/CODE`."""

    site: Code
    code: Code
    host: Host | None = None
    """None for a terminal that is reached by hand only."""
    port: Port = 22
    user: AccountName | None = None
    """The account on the terminal; None is the playbook's."""
    gateway: Host | None = None
    """A host of the ssh_config file, or an address, that the connection goes through."""
    key_card: Code | None = None
    """Number of the machine's one key card."""
    host_key: Fingerprint | None = None
    """The host key's fingerprint where the inventory is the one who vouches for it."""
    reach: Reach = Reach.SSH
    labels: Labels = {}

    @property
    def id(self) -> str:
        """`SITE/TERMINAL`."""
        return f"{self.site}/{self.code}"


class Person(Noun):
    """A technician, a coordinator or a manager, matched to the operating system's user."""

    code: Code
    name: Name
    role: Role
    os_user: UserName | None = None
    district: Code | None = None
    """Jurisdiction: this district and all below it; None is everywhere."""
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    skills: tuple[Code, ...] = ()
    phone: FreeText = ""


class Fleet(Noun):
    """Everything of one inventory, each mapping by code (terminals by `SITE/CODE`), in the files' order."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    districts: Mapping[str, District] = {}
    sites: Mapping[str, Site] = {}
    terminals: Mapping[str, Terminal] = {}
    people: Mapping[str, Person] = {}

    @cached_property
    def terminals_of(self) -> Mapping[str, tuple[Terminal, ...]]:
        """Site code -> its terminals, for every site that has any."""
        grouped: dict[str, list[Terminal]] = {}
        for terminal in self.terminals.values():
            grouped.setdefault(terminal.site, []).append(terminal)
        return {site: tuple(terminals) for site, terminals in grouped.items()}

    @cached_property
    def lineage(self) -> Mapping[str, tuple[str, ...]]:
        """District code -> itself and every district above it, nearest first."""
        return {code: self._upwards(code) for code in self.districts}

    def _upwards(self, code: str) -> tuple[str, ...]:
        path: list[str] = []
        current: str | None = code
        while current is not None and current in self.districts and current not in path:
            path.append(current)
            current = self.districts[current].parent
        return tuple(path)
