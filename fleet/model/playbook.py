"""A playbook: typed steps, and how waves, gates and budgets are cut. Written by a person in YAML, annotated in playbooks/."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from fleet.model.again import AgainRule
from fleet.model.base import AccountName, Code, FreeText, Noun, SafePath, unless
from fleet.model.caps import DistrictBudget, Limit, SitesOrShare
from fleet.model.gate import SwipeRule
from fleet.text import N_

MOST_PARALLEL = 1000
"""Pushes that one process is built to make at the same time."""
LIVE_VERSION_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._+-]{0,31}\*?$"
LiveVersion = Annotated[str, StringConstraints(pattern=LIVE_VERSION_PATTERN)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Percent = Annotated[float, Field(ge=0, le=100)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]+$")]
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class RetryOn(StrEnum):
    """The kind of trouble a step may be tried again after."""

    LINK = "link"
    """The connection could not be made or was lost."""
    TIMEOUT = "timeout"
    COMMAND = "command"
    """A command answered with a non-zero exit."""


class RetryPolicy(Noun):
    """How often a step is tried within one push, and when."""

    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    """1 is no retry."""
    wait_s: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """After the first try."""
    factor: float = Field(default=1.0, ge=1, le=10, exclude_if=unless(1.0))
    """So many times as long after each further one."""
    most_wait_s: Annotated[float, Field(gt=0, le=3600)] | None = Field(default=None, exclude_if=unless(None))
    """The longest wait, its spread included; None lets a wait grow to an hour."""
    on: tuple[RetryOn, ...] = (RetryOn.TIMEOUT, RetryOn.COMMAND)

    @model_validator(mode="after")
    def _first_wait_is_no_longer_than_the_longest(self) -> Self:
        if self.most_wait_s is not None and self.most_wait_s < self.wait_s:
            raise ValueError(
                N_(
                    "`most_wait_s` is {most} s, less than `wait_s`, {wait} s; the longest wait is at least the first",
                    most=f"{self.most_wait_s:g}",
                    wait=f"{self.wait_s:g}",
                )
            )
        return self


class Command(Noun):
    """A program with its arguments, as words: each is quoted, none is ever read by a shell.

    A playbook may write the list of words alone (`[bin/health, --quick]`) or a mapping when it says more.
    """

    words: Annotated[tuple[Word, ...], Field(min_length=1)]
    """The first names the program: with `/` inside but not in front it is a file of the new release, absolute it is itself, bare it is on PATH."""
    sudo: bool = False
    """Run through the account's one allowed sudo command, with these words as its arguments."""
    timeout_s: Seconds = 30.0

    @model_validator(mode="before")
    @classmethod
    def _words_alone(cls, data: Any) -> Any:
        if isinstance(data, str):
            raise ValueError(N_("write a command as a list of words, for example [bin/health, --quick]"))  # noqa: TRY004 - pydantic's way
        return {"words": data} if isinstance(data, list | tuple) else data

    @property
    def release_file(self) -> str | None:
        """Path within the new release of the program it runs; None for any other program."""
        first = self.words[0]
        return first if "/" in first and not first.startswith("/") and not self.sudo else None


class Account(Noun):
    """The account pushes use on a terminal. root is never it."""

    user: AccountName
    root: SafePath
    """Directory of the client: absolute, or relative to the account's home. Holds `current` and `releases/`."""
    sudo_command: SafePath | None = None
    """The one absolute command sudoers allows this account, or None when no step needs it."""


class StepKind(StrEnum):
    """What a step does; the order on the terminal is the playbook's."""

    PREFLIGHT = "preflight"
    STAGE = "stage"
    CONFIGURE = "configure"
    BIND_KEY = "bind-key"
    ACTIVATE = "activate"
    PROBE = "probe"
    COLLECT = "collect"
    RUN = "run"


class _Step(Noun):
    name: Code
    """Unique in the playbook; the kind, where the author gives none."""
    where: FreeText = ""
    """Selection of the terminals this step is for; empty is every one."""
    timeout_s: Seconds = 60.0
    retry: RetryPolicy = RetryPolicy()

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_kind(cls, data: Any) -> Any:
        return {"name": data.get("step"), **data} if isinstance(data, dict) else data


class PreflightStep(_Step):
    """Look before anything is touched: room, tools. Writes nothing."""

    step: Literal[StepKind.PREFLIGHT] = StepKind.PREFLIGHT
    min_free_kb: Annotated[int, Field(ge=0)] = 1024
    """Room beyond the files to be staged, KiB."""
    tools: tuple[Code, ...] = ()
    """Programs that must be found on the terminal's PATH."""
    version: Command | None = None
    """Says on its first line which version is live; a first word like `bin/version` is a file of the live release."""
    versions: tuple[LiveVersion, ...] = ()
    """What it may say; `4.*` is everything that begins so. A terminal without a client is not asked."""

    @model_validator(mode="after")
    def _asked_and_answered(self) -> Self:
        if (self.version is None) != (not self.versions):
            raise ValueError(N_("give both `version` and `versions`, or neither"))
        return self


class StageStep(_Step):
    """Bring the release's missing files into a directory beside the live one and verify every byte."""

    step: Literal[StepKind.STAGE] = StepKind.STAGE
    keep_releases: Annotated[int, Field(ge=1, le=20)] = 2
    """Releases kept on the terminal after success, the live one included."""


class SettingSource(StrEnum):
    """Per-terminal values a configure step may write. They travel as data, never as program text."""

    TERMINAL = "terminal"
    SITE = "site"
    SITE_KIND = "kind"
    DISTRICT = "district"
    KEY_CARD = "key-card"
    RELEASE = "release"


class ConfigureStep(_Step):
    """Write a `key=value` file inside the new release."""

    step: Literal[StepKind.CONFIGURE] = StepKind.CONFIGURE
    file: SafePath
    """Relative to the new release's directory."""
    values: dict[FactName, FreeText] = {}
    """The same on every terminal."""
    per_terminal: dict[FactName, SettingSource] = {}


class KeySource(StrEnum):
    """Where the terminal's key comes from."""

    BORN_HERE = "born-here"
    """Generated on the terminal; the private half never leaves it."""
    ALREADY_THERE = "already-there"
    """Made by the client; its number and check value are collected."""
    TOKEN = "token"  # noqa: S105 - a kind of key holder, not a password
    """On a hardware token; its number and check value are collected."""


class BindKeyStep(_Step):
    """Bind terminal, key card, public key and host fingerprint."""

    step: Literal[StepKind.BIND_KEY] = StepKind.BIND_KEY
    key: KeySource
    read: Command | None = None
    """For already-there and token: prints `number=...` and `check=...` lines."""

    @model_validator(mode="after")
    def _read_where_needed(self) -> "BindKeyStep":
        if (self.key is KeySource.BORN_HERE) != (self.read is None):
            raise ValueError(N_("`read` belongs to key: already-there and token, and only to those"))
        return self


class ActivateStep(_Step):
    """Drain, stop, flip, start, probe; rolls back by itself when start or probe fail."""

    step: Literal[StepKind.ACTIVATE] = StepKind.ACTIVATE
    drain: Command | None = None
    stop: Command | None = None
    migrate: Command | None = None
    """Runs in the new release before it is live, on its copy of the old one's `state`."""
    start: Command | None = None
    probe: Command
    probe_attempts: Annotated[int, Field(ge=1, le=60)] = 3
    probe_wait_s: Annotated[float, Field(ge=0, le=60)] = 1.0


class When(StrEnum):
    """Which client a probe step asks."""

    BEFORE = "before"
    """The one that is about to be replaced, before anything is touched."""
    AFTER = "after"


class ProbeStep(_Step):
    """Ask the running client how it is; `key=value` lines it prints become facts."""

    step: Literal[StepKind.PROBE] = StepKind.PROBE
    command: Command
    expect: dict[FactName, FreeText] = {}
    """Facts that must come back with exactly these values."""
    when: When = Field(default=When.AFTER, exclude_if=unless(When.AFTER))
    """`before` only measures: a client that is not there or cannot say stops nothing. Its facts have `before_` in front."""

    @model_validator(mode="after")
    def _measures_only(self) -> Self:
        if self.when is When.BEFORE and self.expect:
            raise ValueError(N_("what the old client says decides nothing; leave `expect` away where it says `when: before`"))
        return self


class CollectStep(_Step):
    """Read facts: each command's first output line under its name."""

    step: Literal[StepKind.COLLECT] = StepKind.COLLECT
    facts: Annotated[dict[FactName, Command], Field(min_length=1)]


class RunStep(_Step):
    """Any other command, with the way to see whether it is needed and the way back."""

    step: Literal[StepKind.RUN] = StepKind.RUN
    command: Command
    check: Command | None = None
    """Exit 0: in place already, the command is not run."""
    undo: Command | None = None
    irreversible: bool = False

    @model_validator(mode="after")
    def _undo_or_irreversible(self) -> "RunStep":
        if not self.irreversible and (self.check is None or self.undo is None):
            raise ValueError(N_("give both `check` and `undo`, or say `irreversible: true`"))
        return self


Step = Annotated[
    PreflightStep | StageStep | ConfigureStep | BindKeyStep | ActivateStep | ProbeStep | CollectStep | RunStep,
    Field(discriminator="step"),
]


class Approval(StrEnum):
    """Which gates wait for a named person even when the evidence passes."""

    ALWAYS = "always"
    CANARY = "canary"
    """Only the gate after the canary."""
    NEVER = "never"


class Waves(Noun):
    """How the sites are cut into waves, canary first."""

    canary_at_most: Annotated[int, Field(ge=1)] = 20
    """Sites. The canary covers every combination of kind, vendor and size it can within this number."""
    shares: tuple[Annotated[float, Field(gt=0, le=100)], ...] = (10.0, 30.0, 60.0)
    """Percent of the sites after the canary, wave by wave; sum to 100."""

    @field_validator("shares")
    @classmethod
    def _sum_to_hundred(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if abs(sum(value) - 100.0) > 1e-6:
            raise ValueError(N_("shares sum to {sum}, not 100", sum=f"{sum(value):g}"))
        return value


class GateRule(Noun):
    """What a wave must show before the next one opens."""

    success: Percent = 95.0
    """Percent of the wave's terminals reached by SSH that are upgraded (excluded ones do not count)."""
    min_samples: Annotated[int, Field(ge=1)] = 1
    """Fewer finished terminals than this is inconclusive."""
    approval: Approval = Approval.CANARY
    soak_s: int = Field(default=0, ge=0, le=14 * 86_400, exclude_if=unless(0))
    """The gate judges once the wave's last ending is this old."""
    causes: dict[Code, Annotated[int, Field(ge=0)]] = Field(default={}, exclude_if=unless({}))
    """Cause (`fleet.model.attempt.Cause`) -> terminals that may have ended so; one more fails the gate."""
    bindings: bool = Field(default=False, exclude_if=unless(default=False))
    """A terminal that the playbook binds a key on counts as upgraded only where the binding was read back."""
    swipe: SwipeRule | None = Field(default=None, exclude_if=unless(None))
    four_eyes: bool = Field(default=False, exclude_if=unless(default=False))
    """Who approves is neither who made the plan nor who started its rollout."""


class Budget(Noun):
    """Failures a wave may spend, percent of its sites; at least one."""

    failures: Percent = 5.0
    """`failed`, `rolled-back` and `unknown` spend this one."""
    unreachable: Percent = 10.0
    """`unreachable` spends this one."""
    causes: dict[Code, SitesOrShare] = Field(default={}, exclude_if=unless({}))
    """Cause -> sites that may end badly for it; at least one."""
    per_district: DistrictBudget | None = Field(default=None, exclude_if=unless(None))
    """The same two budgets for each district's part of the wave, beside the wave's own."""


class DoneWhen(StrEnum):
    """Evidence a site needs before it counts as done."""

    MACHINE = "machine"
    MARK = "mark"


class Playbook(Noun):
    """What is done to a terminal, and in which waves."""

    name: Code
    description: FreeText = ""
    account: Account
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    waves: Waves = Waves()
    gate: GateRule = GateRule()
    budget: Budget = Budget()
    limits: tuple[Limit, ...] = Field(default=(), exclude_if=unless(()))
    """Sites that are never down at once in greater number, whatever wave they are in."""
    parallel: Annotated[int, Field(ge=1, le=MOST_PARALLEL)] = 32
    """Pushes at the same time, at most; the budget may hold it lower."""
    push_deadline_s: Seconds = 600.0
    """One push from connect to result, at most."""
    retry: tuple[AgainRule, ...] = Field(default=(), exclude_if=unless(()))
    """Pushes that are made again by themselves; of several rules for one trouble the first counts."""
    offline_after_h: Annotated[float, Field(gt=0, le=1000)] | None = Field(default=None, exclude_if=unless(None))
    """Hours after which a terminal that nobody answers at is no more tried by itself, but a technician's job; it is one before where no
    try is left."""
    rollback_rehearsal: bool = Field(default=False, exclude_if=unless(False))
    """Before wave 2 opens, terminals of the canary are rolled back and upgraded again; its gate wants that to work."""
    done_when: Annotated[tuple[DoneWhen, ...], Field(min_length=1)] = (DoneWhen.MACHINE, DoneWhen.MARK)

    @field_validator("steps")
    @classmethod
    def _names_unique(cls, value: tuple[Step, ...]) -> tuple[Step, ...]:
        names = [step.name for step in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(N_("two steps are named `{name}`", name=twice))
        return value
