"""What client and terminal say to each other during one push, without any I/O: bytes in, orders out, a story at the end.

    bytes from the terminal -> feed() -> orders for the transport: send these files, say the last word, hang up
    the link ended          -> story() -> what to record

- The protocol is fleet/terminal/PROTOCOL.md. Only lines that carry the run's nonce count; everything else is log.
- Nothing a terminal sends can raise, grow without bound or reach a reader uncleaned.
- How the bytes were cut on their way makes no difference.
"""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from fleet.model.attempt import Cause, KeyEvidence, StepResult, TerminalState
from fleet.model.plan import Program
from fleet.model.playbook import KeySource
from fleet.model.purpose import ROLLBACK, Only
from fleet.model.release import Artifact, ReleaseFile
from fleet.push.clean import clean
from fleet.push.payload import Part
from fleet.push.public_key import PublicKey, read_public_key
from fleet.terminal.compile import bootstrap

PROTOCOL = "1"
MAX_LINE_BYTES = 4096
"""The rest of a longer line is dropped."""
MAX_OUTPUT_BYTES = 1024 * 1024
"""A terminal that says more than this is hung up on."""
MAX_LOG_LINES = 50
MAX_FACTS = 200

_PART = re.compile(rb"([1-9][0-9]{0,14}) ([0-9a-f]{64})")
_FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CAUSES = {cause.value: cause for cause in Cause}
_ENDINGS = {"upgraded": TerminalState.UPGRADED, "failed": TerminalState.FAILED, "rolled-back": TerminalState.ROLLED_BACK}
_ENDINGS_OF = {
    Only.STAGE.value: {"staged": TerminalState.STAGED, "failed": TerminalState.FAILED},
    ROLLBACK: {"taken-back": TerminalState.TAKEN_BACK, "failed": TerminalState.FAILED},
}
"""By the part that was asked for."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """The terminal says that it holds a part of these files' payload. Say whether the rest follows or all of it, and leave out what it has."""

    part: Part
    files: tuple[ReleaseFile, ...]


@dataclass(frozen=True, slots=True)
class SendFile:
    """Send one file: its header, its contents, its padding (`payload`)."""

    file: ReleaseFile


@dataclass(frozen=True, slots=True)
class SendLastWord:
    """Send `payload.LAST_WORD` and close our direction; from here the terminal goes on whatever happens to the link."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection; there is nothing more to hear, or what is heard is no use."""

    cause: Cause


Order = GoOn | SendFile | SendLastWord | HangUp


@dataclass(frozen=True, slots=True)
class Story:
    """How the conversation went: the part of an AttemptResult that the terminal's words decide."""

    ending: TerminalState
    cause: Cause
    in_place: bool
    step: str
    detail: str
    steps: tuple[StepResult, ...]
    facts: Mapping[str, str]
    key: KeyEvidence | None
    bytes_saved: int
    log: tuple[str, ...]
    interrupted: bool = False
    """It failed after the client there was to be stopped, and did not say that it went back."""


@dataclass(slots=True)
class Conversation:
    """One push's conversation."""

    program: Program
    artifact: Artifact | None
    values: Mapping[str, str]
    """What the program is told about this terminal, by name."""
    nonce: str
    """Hex, new for every connection."""
    attempt: str
    """Hex, the same when the same attempt is made again."""
    last_word_sent: bool = field(default=False, init=False)
    """Set by the transport, just before it sends the last word."""

    _mark: bytes = field(default=b"", init=False)
    """What a line that counts begins with."""
    _partial: bytearray = field(default_factory=bytearray, init=False)
    _heard_bytes: int = field(default=0, init=False)
    _hung_up: Cause | None = field(default=None, init=False)
    _begun: bool = field(default=False, init=False)
    _only_said: str = field(default="", init=False)
    """The part of it that the program said it will do, where it is not the whole."""
    _asked: bool = field(default=False, init=False)
    _needed: list[int] = field(default_factory=list, init=False)
    _part: Part | None = field(default=None, init=False)
    _in_place: bool = field(default=False, init=False)
    _touched_live: bool = field(default=False, init=False)
    """The client there was to be stopped."""
    _ended: tuple[TerminalState, Cause, str] | None = field(default=None, init=False)
    _step: str = field(default="", init=False)
    _detail: str = field(default="", init=False)
    _steps: list[StepResult] = field(default_factory=list, init=False)
    _facts: dict[str, str] = field(default_factory=dict, init=False)
    _key: dict[str, str] = field(default_factory=dict, init=False)
    _log: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_LOG_LINES), init=False)

    def __post_init__(self) -> None:
        """Nothing is said yet."""
        self._mark = b"@%s " % self.nonce.encode()

    @property
    def begun(self) -> bool:
        """Whether the program has said anything."""
        return self._begun

    @property
    def only(self) -> str:
        """The part that the program is told to do; empty is the whole."""
        return self.values.get("only", "")

    @property
    def only_stages(self) -> bool:
        """Whether the program is told to stage and no more."""
        return self.only == Only.STAGE

    @property
    def ended(self) -> bool:
        """Whether the program has said how it ended."""
        return self._ended is not None

    def command(self) -> str:
        """The command to execute."""
        return bootstrap(self.program)

    def opening(self) -> bytes:
        """What to send at once: the values, an empty line, the program.

        Raises:
            ValueError: A value holds a line break or a NUL.
        """
        told = {"nonce": self.nonce, "attempt": self.attempt, **self.values}
        for name, value in told.items():
            if any(c in value for c in "\n\r\0"):
                message = f"the value of {name} is not one line"
                raise ValueError(message)
        lines = "".join(f"{name}={value}\n" for name, value in told.items())
        return f"{lines}\n{self.program.text}".encode()

    def feed(self, data: bytes) -> tuple[Order, ...]:
        """Take in what the terminal sent; returns what to do now, in order."""
        orders: list[Order] = []
        room = MAX_OUTPUT_BYTES - self._heard_bytes
        self._heard_bytes += len(data)
        for line in self._lines(data[:room]):
            if self._hung_up is not None or self.ended:
                break
            orders.extend(self._hear(line))
        if len(data) > room and self._hung_up is None and not self.ended:
            orders.append(self._hang_up(Cause.TOO_MUCH_OUTPUT))
        return tuple(orders)

    def story(self, cause: Cause = Cause.NONE, exit_code: int | None = None) -> Story:
        """How it went, after the connection is over.

        Args:
            cause: Why the transport ended it, where it did.
            exit_code: The program's, where the terminal told one.
        """
        ending, cause, step = self._ended or self._unfinished(cause, exit_code)
        key = self._key_evidence()
        if ending is TerminalState.UPGRADED and self._key.get("source") == KeySource.BORN_HERE and key is None:
            ending, cause, step = TerminalState.UNKNOWN, Cause.PROTOCOL, ""
        saved = 0
        if self.artifact is not None and (self._asked or self._in_place):
            saved = self.artifact.size - sum(self.artifact.files[index].size for index in self._needed)
        return Story(
            ending=ending,
            cause=cause,
            in_place=self._in_place,
            step=step,
            detail=self._detail,
            steps=tuple(self._steps),
            facts=dict(self._facts),
            key=key,
            bytes_saved=saved,
            log=(*self._log, *((clean(bytes(self._partial)),) if self._partial else ())),
            interrupted=ending is TerminalState.FAILED and self._touched_live,
        )

    def _unfinished(self, cause: Cause, exit_code: int | None) -> tuple[TerminalState, Cause, str]:
        """The ending of a conversation that the terminal did not end."""
        cause = self._hung_up or cause
        if cause is Cause.NONE and exit_code is None:
            cause = Cause.LINK_LOST
        if cause is Cause.NONE:
            missing = exit_code == 127 and not self._begun
            cause = Cause.TOOL_MISSING if missing else Cause.PROTOCOL
        # Without the last word nothing was touched, and we know it. A lost link is unknown all the same: the next push collects.
        untouched = not self.last_word_sent and cause is not Cause.LINK_LOST
        return (TerminalState.FAILED if untouched else TerminalState.UNKNOWN), cause, self._step

    def _lines(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, each cut to the longest that counts."""
        *complete, rest = data.split(b"\n")
        lines = []
        for piece in complete:
            lines.append(bytes(self._partial + piece[: MAX_LINE_BYTES - len(self._partial)]))
            self._partial.clear()
        self._partial += rest[: MAX_LINE_BYTES - len(self._partial)]
        return lines

    def _hear(self, line: bytes) -> list[Order]:
        if not line.startswith(self._mark):
            self._log.append(clean(line))
            return []
        word, _, rest = line[len(self._mark) :].partition(b" ")
        handler = _HANDLERS.get(word)
        if handler is None or (not self._begun and word != b"begin"):
            return [self._hang_up(Cause.PROTOCOL)]
        return handler(self, rest)

    def _hang_up(self, cause: Cause) -> HangUp:
        self._hung_up = cause
        return HangUp(cause)

    def _hear_begin(self, rest: bytes) -> list[Order]:
        self._begun = True
        return [] if rest == PROTOCOL.encode() else [self._hang_up(Cause.PROTOCOL)]

    def _hear_only(self, rest: bytes) -> list[Order]:
        self._only_said = rest.decode("ascii", "replace")
        return []

    def _hear_in_place(self, _rest: bytes) -> list[Order]:
        self._in_place = True
        return []

    def _hear_need(self, rest: bytes) -> list[Order]:
        count = len(self.artifact.files) if self.artifact else 0
        for word in rest.split():
            least = self._needed[-1] + 1 if self._needed else 0
            if self._asked or not word.isdigit() or len(word) > 9 or not least <= int(word) < count:
                return [self._hang_up(Cause.PROTOCOL)]
            self._needed.append(int(word))
        return []

    def _hear_part(self, rest: bytes) -> list[Order]:
        said = _PART.fullmatch(rest)
        if said is None or self._asked or self._part is not None or not self._needed:
            return [self._hang_up(Cause.PROTOCOL)]
        self._part = Part(int(said[1]), said[2].decode())
        return []

    def _hear_send(self, _rest: bytes) -> list[Order]:
        if self._asked or self._only_said != self.only:  # it would go on to what nobody asked of it
            return [self._hang_up(Cause.PROTOCOL)]
        self._asked = True
        files = tuple(self.artifact.files[index] for index in self._needed) if self.artifact else ()
        going_on = [GoOn(self._part, files)] if self._part else []
        return [*going_on, *map(SendFile, files), SendLastWord()]

    def _hear_step(self, rest: bytes) -> list[Order]:
        self._step = self._step_name(rest)
        return []

    def _hear_done(self, rest: bytes) -> list[Order]:
        name, _, duration = rest.partition(b" ")
        self._add_step(name, duration, ok=True)
        return []

    def _hear_failed(self, rest: bytes) -> list[Order]:
        name, duration, _cause, detail, *_ = [*rest.split(b" ", 3), b"", b"", b"", b""]
        self._detail = clean(detail)
        self._add_step(name, duration, ok=False)
        return []

    def _hear_fact(self, rest: bytes) -> list[Order]:
        name, _, value = rest.partition(b" ")
        text = name.decode("ascii", "replace")
        if _FACT_NAME.fullmatch(text) and len(self._facts) < MAX_FACTS:
            self._facts[text] = clean(value)
        return []

    def _hear_key(self, rest: bytes) -> list[Order]:
        name, _, value = rest.partition(b" ")
        if name in (b"source", b"public", b"number", b"check"):
            self._key[name.decode()] = clean(value)
        return []

    def _hear_log(self, rest: bytes) -> list[Order]:
        self._log.append(clean(rest))
        return []

    def _hear_nothing(self, _rest: bytes) -> list[Order]:
        return []

    def _hear_live(self, _rest: bytes) -> list[Order]:
        self._touched_live = True
        return [self._hang_up(Cause.PROTOCOL)] if self.only_stages else []

    def _hear_end(self, rest: bytes) -> list[Order]:
        ending, cause, step, *_ = [*rest.decode("ascii", "replace").split(" "), "", "", ""]
        endings = _ENDINGS_OF.get(self.only, _ENDINGS)
        if ending not in endings or cause not in _CAUSES:
            return [self._hang_up(Cause.PROTOCOL)]
        self._ended = (endings[ending], _CAUSES[cause], self._step_name(step.encode()))
        return [HangUp(Cause.NONE)]

    def _step_name(self, name: bytes) -> str:
        text = name.decode("ascii", "replace")
        return text if text in self.program.steps else ""

    def _add_step(self, name: bytes, duration: bytes, *, ok: bool) -> None:
        text = self._step_name(name)
        if not text or any(step.name == text for step in self._steps):
            return
        duration_ms = int(duration) if duration.isdigit() and len(duration) <= 9 else 0
        self._steps.append(StepResult(name=text, ok=ok, duration_ms=duration_ms, detail="" if ok else self._detail))

    def _key_evidence(self) -> KeyEvidence | None:
        source = self._key.get("source")
        if source == KeySource.BORN_HERE:
            key: PublicKey | None = read_public_key(self._key.get("public", ""))
            if key is None:
                return None
            return KeyEvidence(source=KeySource.BORN_HERE, public_key=key.line, number=sha256(key.blob).hexdigest())
        if source in (KeySource.ALREADY_THERE, KeySource.TOKEN):
            return KeyEvidence(source=KeySource(source), number=self._key.get("number", ""), check_value=self._key.get("check", ""))
        return None


_HANDLERS = {
    b"begin": Conversation._hear_begin,  # noqa: SLF001 - the class's own table, outside it because of its slots
    b"only": Conversation._hear_only,  # noqa: SLF001
    b"in-place": Conversation._hear_in_place,  # noqa: SLF001
    b"need": Conversation._hear_need,  # noqa: SLF001
    b"part": Conversation._hear_part,  # noqa: SLF001
    b"send": Conversation._hear_send,  # noqa: SLF001
    b"step": Conversation._hear_step,  # noqa: SLF001
    b"done": Conversation._hear_done,  # noqa: SLF001
    b"failed": Conversation._hear_failed,  # noqa: SLF001
    b"fact": Conversation._hear_fact,  # noqa: SLF001
    b"key": Conversation._hear_key,  # noqa: SLF001
    b"log": Conversation._hear_log,  # noqa: SLF001
    b"activating": Conversation._hear_live,  # noqa: SLF001
    b"rolling-back": Conversation._hear_live,  # noqa: SLF001
    b"wait": Conversation._hear_nothing,  # noqa: SLF001
    b"end": Conversation._hear_end,  # noqa: SLF001
}
