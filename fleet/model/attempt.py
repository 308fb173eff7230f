"""What happened on one terminal: states, causes, the result of one attempt."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field

from fleet.model.again import Trouble
from fleet.model.base import Code, FreeText, Noun, TerminalId
from fleet.model.playbook import FactName, KeySource
from fleet.model.purpose import Errand
from fleet.text import N_, Message


class TerminalState(StrEnum):
    """Where a terminal stands in a rollout. `failed`, `unreachable`, `unknown`, `rolled-back` and `not-started` are never one number."""

    NOT_STARTED = "not-started"
    RUNNING = "running"
    UPGRADED = "upgraded"
    """Machine evidence that the new release is live, or was already."""
    STAGED = "staged"
    """The new release waits there, whole; the old one is live and was not touched. How a push of a staging rollout ends well."""
    SELF_TESTED = "self-tested"
    """Done by hand; a technician's self-test is the evidence."""
    FAILED = "failed"
    """Stopped before the flip; the old release is live and was never interrupted or is back."""
    ROLLED_BACK = "rolled-back"
    """The new release was live and did not pass; the old one is live again."""
    UNREACHABLE = "unreachable"
    """No connection; nothing was touched."""
    UNKNOWN = "unknown"
    """The link dropped after the program began and its result is not yet collected."""
    EXCLUDED = "excluded"
    GOING_BACK = "going-back"
    """A person wants the old release back there, or its way back is to be rehearsed; it waits for its turn."""
    TAKEN_BACK = "taken-back"
    """Rolled back on purpose: the old release is live again because a person wanted it. Never one number with what rolled back by itself."""


ENDINGS = frozenset(
    (
        TerminalState.UPGRADED,
        TerminalState.STAGED,
        TerminalState.FAILED,
        TerminalState.ROLLED_BACK,
        TerminalState.UNREACHABLE,
        TerminalState.UNKNOWN,
        TerminalState.TAKEN_BACK,
    )
)
PROVEN = frozenset((TerminalState.UPGRADED, TerminalState.SELF_TESTED))
SUCCEEDED = PROVEN | {TerminalState.STAGED}
"""What its rollout wanted of it is there; nothing is left to do, and nothing to leave out."""
SPENDS_FAILURES = frozenset((TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNKNOWN))


class Cause(StrEnum):
    """Why an attempt ended the way it did. Words for people: `cause_words`."""

    NONE = "none"
    REFUSED = "connection-refused"
    NO_ANSWER = "no-answer"
    NO_ROUTE = "no-route"
    NAME_UNKNOWN = "name-unknown"
    NOT_SSH = "not-ssh"
    SSH_TOO_OLD = "ssh-too-old"
    HOST_KEY_UNCONFIRMED = "host-key-unconfirmed"
    HOST_KEY_CHANGED = "host-key-changed"
    LOGIN_REFUSED = "login-refused"
    GATEWAY = "gateway-failed"
    GATEWAY_NAME = "gateway-name-unknown"
    GATEWAY_KEY = "gateway-key-unknown"
    GATEWAY_LOGIN = "gateway-login-refused"
    LINK_LOST = "link-lost"
    DEADLINE = "deadline"
    TOO_MUCH_OUTPUT = "too-much-output"
    PROTOCOL = "protocol"
    BUSY = "busy"
    NOT_ADOPTED = "not-adopted"
    DISK_FULL = "disk-full"
    DISK_ERROR = "disk-error"
    TOOL_MISSING = "tool-missing"
    DAMAGED_FILE = "damaged-file"
    RELEASE_FILE = "release-file"
    SIGNATURE = "signature-refused"
    RELEASE_EXPIRED = "release-expired"
    DOWNGRADE = "downgrade-refused"
    CLOCK = "clock-wrong"
    WRONG_VERSION = "wrong-version"
    COMMAND_FAILED = "command-failed"
    COMMAND_TIMEOUT = "command-timeout"
    PROBE_FAILED = "probe-failed"
    UNEXPECTED_FACT = "unexpected-fact"
    NO_WAY_BACK = "no-way-back"
    KEY_CONFLICT = "key-conflict"
    SELF_TEST = "self-test-failed"
    STOPPED = "stopped"
    ORCHESTRATOR_LOST = "orchestrator-lost"
    OUR_FAULT = "our-fault"
    WINDOW_NOT_OPEN = "window-not-open"
    WINDOW_CLOSED = "window-closed"
    CANNOT_FINISH = "cannot-finish"
    CLOSED_SITE = "closed-site"
    NO_WINDOW = "no-window"


NOT_REACHED = frozenset((Cause.WINDOW_CLOSED, Cause.CANNOT_FINISH, Cause.CLOSED_SITE, Cause.NO_WINDOW))
"""Why a terminal that has not started will not be started any more in this rollout's windows; a person may retry it."""


NOBODY_ANSWERED = frozenset((Cause.REFUSED, Cause.NO_ANSWER, Cause.NO_ROUTE))
"""Why a terminal is unreachable that is offline. Of every other unreachable one somebody answered, or it was never asked: its gateway failed."""
RETRIED = frozenset((TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNREACHABLE, TerminalState.UNKNOWN))
"""Endings after which a terminal may be tried again by itself."""
_TROUBLES = {
    Cause.REFUSED: Trouble.LINK,
    Cause.NO_ANSWER: Trouble.LINK,
    Cause.NO_ROUTE: Trouble.LINK,
    Cause.GATEWAY: Trouble.LINK,
    Cause.LINK_LOST: Trouble.LINK,
    Cause.DEADLINE: Trouble.TIMEOUT,
    Cause.COMMAND_TIMEOUT: Trouble.TIMEOUT,
    Cause.BUSY: Trouble.BUSY,
    Cause.COMMAND_FAILED: Trouble.COMMAND,
    Cause.PROBE_FAILED: Trouble.COMMAND,
    Cause.UNEXPECTED_FACT: Trouble.COMMAND,
    Cause.DAMAGED_FILE: Trouble.DAMAGE,
}


def trouble_of(cause: Cause) -> Trouble | None:
    """The kind of trouble a cause is; None for one that does not pass by itself."""
    return _TROUBLES.get(cause)


MAYBE_LIVE = frozenset((TerminalState.UPGRADED, TerminalState.UNKNOWN, TerminalState.RUNNING))
"""The new release may be live there, so there may be something to take back."""
LIVE_CAUSES = frozenset((Cause.KEY_CONFLICT, Cause.PROTOCOL, Cause.OUR_FAULT))
"""An attempt that failed so may have made the release live before."""


_WORDS = {
    Cause.NONE: N_("no trouble"),
    Cause.REFUSED: N_("the terminal refuses the connection; is its SSH server running?"),
    Cause.NO_ANSWER: N_("no answer; is the terminal switched on?"),
    Cause.NO_ROUTE: N_("no route to the terminal; check its network"),
    Cause.NAME_UNKNOWN: N_("the host name is unknown; correct it in the inventory"),
    Cause.NOT_SSH: N_("something answers, but it does not speak SSH; check its host and port in the inventory"),
    Cause.SSH_TOO_OLD: N_(
        "its SSH server is too old to be reached safely; have it done by hand and checked in with --self-test, and set its `reach` to `by-hand`"
    ),
    Cause.HOST_KEY_UNCONFIRMED: N_(
        "its host key is not confirmed; run `fleet hosts scan` if it was never seen, then `fleet hosts confirm`"
    ),
    Cause.HOST_KEY_CHANGED: N_("its host key has changed; nothing was sent; find out why before the new one is confirmed"),
    Cause.LOGIN_REFUSED: N_("the terminal does not accept our key or user; have our public key put into its account"),
    Cause.GATEWAY: N_("the gateway could not be passed; check that it runs, and that it lets us in"),
    Cause.GATEWAY_NAME: N_(
        "the gateway's name is unknown; it belongs in the file that fleet.toml names as `ssh_config` (~/.ssh/config is not read)"
    ),
    Cause.GATEWAY_KEY: N_("the gateway's host key is not the one in known_hosts, or not there; compare its fingerprint, then enter it"),
    Cause.GATEWAY_LOGIN: N_("the gateway does not accept our key or user; have the workspace's public key put into its account"),
    Cause.LINK_LOST: N_("the link was lost while it ran"),
    Cause.DEADLINE: N_("not finished within its deadline; look at its line, then run `fleet rollout retry`"),
    Cause.TOO_MUCH_OUTPUT: N_("it sent far more output than a terminal should; have somebody look at it"),
    Cause.PROTOCOL: N_("its answers make no sense; read its log, and have somebody look at it"),
    Cause.BUSY: N_("another push holds the terminal"),
    Cause.NOT_ADOPTED: N_("`current` there is neither a directory nor a link into `releases`; have somebody look at the terminal"),
    Cause.DISK_FULL: N_("not enough room on its disk; have some freed, then run `fleet rollout retry`"),
    Cause.DISK_ERROR: N_("its disk cannot be written; it may be read-only or broken, have somebody look at it"),
    Cause.TOOL_MISSING: N_("a program the upgrade needs is missing there; have it installed, then run `fleet rollout retry`"),
    Cause.DAMAGED_FILE: N_("a file arrived damaged and was not activated"),
    Cause.RELEASE_FILE: N_(
        "a file of the release is missing or damaged in our workspace; add the release again with `fleet release add`, then retry"
    ),
    Cause.SIGNATURE: N_("it does not accept the release's signature; the detail says why, and `fleet release verify` looks at ours"),
    Cause.RELEASE_EXPIRED: N_("the release's signature has expired; run `fleet release sign`, then plan anew"),
    Cause.DOWNGRADE: N_("a newer release was live there; if that is meant, run `fleet release permit`, then plan anew"),
    Cause.CLOCK: N_("its clock and ours differ by more than a day; set the wrong one, then retry"),
    Cause.WRONG_VERSION: N_("its client is of a version that this playbook does not upgrade; bring it to one of those first"),
    Cause.COMMAND_FAILED: N_("a command of the playbook failed"),
    Cause.COMMAND_TIMEOUT: N_("a command of the playbook took too long"),
    Cause.PROBE_FAILED: N_("the new client did not pass its probe"),
    Cause.UNEXPECTED_FACT: N_("the probe answered something else than the playbook expects"),
    Cause.NO_WAY_BACK: N_(
        "the release before this one is not kept there, or is not whole any more; push that release with a plan of its own"
    ),
    Cause.KEY_CONFLICT: N_("its key or key card is already bound elsewhere"),
    Cause.SELF_TEST: N_("it did not pass the technician's self-test"),
    Cause.STOPPED: N_("stopped by a person"),
    Cause.ORCHESTRATOR_LOST: N_("the orchestrator ended while it was pushed to; it is asked what became of that"),
    Cause.OUR_FAULT: N_("an error in this program; fleet.log in the workspace says more"),
    Cause.WINDOW_NOT_OPEN: N_("its window has not opened yet"),
    Cause.WINDOW_CLOSED: N_("its window closed before its turn came; plan it again with another window"),
    Cause.CANNOT_FINISH: N_("its window is too short for a push and its rollback; give it a longer one, then plan again"),
    Cause.CLOSED_SITE: N_("the site was closed, and its terminals switched off, whenever it might have been touched; have them left on"),
    Cause.NO_WINDOW: N_("the site is open, and no suspension and no window let it be touched; give it one, then plan again"),
}


def cause_words(cause: Cause) -> Message:
    """What a coordinator reads for a cause, and what to do about it."""
    return _WORDS[cause]


class StepResult(Noun):
    """How one step of one attempt went."""

    name: Code
    ok: bool
    duration_ms: Annotated[int, Field(ge=0)] = 0
    detail: FreeText = ""
    """What the terminal said, cleaned; data, never markup."""


class KeyEvidence(Noun):
    """What a bind-key step brought back."""

    source: KeySource
    public_key: FreeText = ""
    """`ssh-...` or `ecdsa-...` one-line public key for born-here; empty for the others."""
    number: FreeText = ""
    """Number of the key for already-there and token; for born-here the sha256 of the public key."""
    check_value: FreeText = ""


class AttemptResult(Noun):
    """One attempt on one terminal, ended."""

    terminal: TerminalId
    number: Annotated[int, Field(ge=1)]
    """Counts the terminal's attempts in this rollout, from 1."""
    errand: Errand | None = None
    """What it was for, where it was not what the rollout is for."""
    ending: TerminalState
    """One of `ENDINGS`."""
    in_place: bool = False
    """The release was live, or staged, before; nothing was written."""
    step: str = ""
    """Name of the step that decided the ending, where it was not success."""
    cause: Cause = Cause.NONE
    detail: FreeText = ""
    steps: tuple[StepResult, ...] = ()
    facts: dict[FactName, FreeText] = {}
    key: KeyEvidence | None = None
    host_fingerprint: FreeText = ""
    bytes_sent: Annotated[int, Field(ge=0)] = 0
    """Payload bytes of this attempt."""
    bytes_saved: Annotated[int, Field(ge=0)] = 0
    """Payload bytes the terminal already had, from an earlier push that was cut off too."""
    log: tuple[FreeText, ...] = ()
    """The last lines the terminal wrote outside the protocol, cleaned and bounded."""
    interrupted: Annotated[bool, BeforeValidator(bool)] = False
    """It failed with its client stopped, or about to be, and did not say that it went back: nobody knows whether the client runs."""
    may_still_tell: Annotated[bool, BeforeValidator(bool)] = False
    """A push that ended unknown: its program may tell how once it is asked. Whoever only asked is not asked about."""
    started_at: AwareDatetime
    finished_at: AwareDatetime

    @property
    def leaves_down(self) -> bool:
        """Whether nobody can say that a client runs there now: the ending is unknown, or it failed half-way."""
        return self.ending is TerminalState.UNKNOWN or (self.ending is TerminalState.FAILED and self.interrupted)
