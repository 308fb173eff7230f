"""A plan: who is in which wave, with which program and artifact. Frozen; its digest covers everything but itself."""

from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from json import dumps
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from fleet.model.base import Code, FreeText, Noun, Sha256, TerminalId, Version, unless
from fleet.model.caps import DistrictAllowance, PlannedLimit
from fleet.model.inventory import Reach, SiteKind
from fleet.model.playbook import Playbook, StepKind
from fleet.model.windows import Windows
from fleet.text import N_, Message


class Stratum(Noun):
    """A combination that can behave differently: site kind, terminal vendor, size of the site."""

    kind: Code
    vendor: FreeText
    size: Code
    """`small` (1 terminal), `medium` (2 to 4), `large` (5 and more)."""

    def __str__(self) -> str:
        """`pharmacy / acme / small`."""
        return f"{self.kind} / {self.vendor} / {self.size}"


_KINDS = {SiteKind.HOSPITAL.value: N_("hospital"), SiteKind.PHARMACY.value: N_("pharmacy")}
_SIZES = {"small": N_("small"), "medium": N_("medium"), "large": N_("large")}


def stratum_words(stratum: str) -> Message | str:
    """A stratum as `str` gives it, for people; a text that is none comes back as it is."""
    kind, _, rest = stratum.partition(" / ")
    vendor, _, size = rest.rpartition(" / ")
    if kind not in _KINDS or size not in _SIZES:
        return stratum
    return N_("{kind} / {vendor} / {size}", kind=_KINDS[kind], vendor=vendor, size=_SIZES[size])


class Program(Noun):
    """One compiled POSIX sh program; terminals with the same steps and artifact share it."""

    digest: Sha256
    """sha256 of `text`."""
    text: str
    steps: tuple[Code, ...]
    """Names of the playbook's steps that are in it, in order."""
    irreversible: tuple[Code, ...] = ()
    artifact: Code | None = None
    """Name of the release's artifact it stages."""


class PlannedTerminal(Noun):
    """One terminal's place in the plan."""

    id: TerminalId
    reach: Reach = Reach.SSH
    program: Sha256 | None = None
    """None for a terminal that is done by hand."""


class PlannedSite(Noun):
    """One site's place in the plan; all its terminals are in the same wave."""

    code: Code
    strata: tuple[Stratum, ...] = ()
    terminals: Annotated[tuple[PlannedTerminal, ...], Field(min_length=1)]
    limits: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(), exclude_if=unless(()))
    """Places in the plan's `limits` of those that count this site, rising."""


class Wave(Noun):
    """A part of the fleet that is upgraded before the next gate."""

    number: Annotated[int, Field(ge=1)]
    name: Code
    sites: Annotated[tuple[PlannedSite, ...], Field(min_length=1)]
    untested: tuple[Stratum, ...] = ()
    """Strata of this wave that no earlier wave holds."""
    failures_allowed: Annotated[int, Field(ge=1)]
    """Sites that may end failed, rolled back or unknown."""
    unreachable_allowed: Annotated[int, Field(ge=1)]
    """Sites that may end unreachable."""
    causes_allowed: dict[Code, Annotated[int, Field(ge=1)]] = Field(default={}, exclude_if=unless({}))
    """Cause -> sites that may end badly for it."""
    districts_allowed: dict[Code, DistrictAllowance] = Field(default={}, exclude_if=unless({}))
    """District -> what its sites in this wave may spend; empty where the playbook sets no budget per district."""

    @property
    def parallel(self) -> int:
        """Sites in flight at most when the wave opens: never more than any budget of the whole wave still allows, for each may end with any cause."""
        return min(self.failures_allowed, self.unreachable_allowed, *self.causes_allowed.values())

    @property
    def terminals(self) -> tuple[PlannedTerminal, ...]:
        """Every terminal of every site."""
        return tuple(terminal for site in self.sites for terminal in site.terminals)


class Plan(Noun):
    """What `fleet plan` writes and a rollout runs."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    format: Literal[1] = 1
    playbook: Playbook
    release: Version
    release_digest: Sha256
    select: FreeText = ""
    waves: Annotated[tuple[Wave, ...], Field(min_length=1)]
    programs: Mapping[str, Program]
    """By digest."""
    windows: Windows | None = Field(default=None, exclude_if=unless(None))
    """When its sites may be touched; None is at any time."""
    limits: tuple[PlannedLimit, ...] = Field(default=(), exclude_if=unless(()))
    """Each limit of the playbook in each place where it counts a site of the plan."""
    late_of: Sha256 | None = Field(default=None, exclude_if=unless(None))
    """Digest of the plan whose late joiners it serves: they are counted beside that one's sites and terminals, never among them."""
    digest: str = ""
    """sha256 over everything else; see `compute_digest`."""

    def compute_digest(self) -> str:
        """sha256 over the canonical JSON of everything but `digest`; same input, same digest."""
        return digest_of(self.model_dump(mode="json", exclude={"digest"}))

    @property
    def original(self) -> str:
        """Digest of the plan whose denominator counts: its own, or that of the plan whose late joiners it serves."""
        return self.late_of or self.digest

    @cached_property
    def installs(self) -> bool:
        """Whether the release goes live on any terminal; a playbook may do something else, and then `upgraded` means that it was done."""
        activating = {step.name for step in self.playbook.steps if step.step is StepKind.ACTIVATE}
        return not self.programs or any(not activating.isdisjoint(program.steps) for program in self.programs.values())

    @cached_property
    def wave_of(self) -> Mapping[str, int]:
        """Site code -> wave number."""
        return {site.code: wave.number for wave in self.waves for site in wave.sites}

    @cached_property
    def program_of(self) -> Mapping[str, Program | None]:
        """Terminal id -> its program; None for one that is done by hand."""
        return {
            terminal.id: self.programs[terminal.program] if terminal.program else None for wave in self.waves for terminal in wave.terminals
        }


def digest_of(written: Mapping[str, Any]) -> str:
    """The digest of a plan as it was written, its JSON read back: over everything that stands there but `digest`.

    It says of a plan that an earlier version of this program wrote what that version said of it.
    """
    data = {name: value for name, value in written.items() if name != "digest"}
    return sha256(dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()
