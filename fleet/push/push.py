"""One terminal, one attempt: connect, converse, record. And the look at a host key before anybody trusts it."""

import secrets
import threading
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Terminal
from fleet.model.release import Artifact
from fleet.push.clean import clean
from fleet.push.connection import Entry, Target, TerminalConnection
from fleet.push.conversation import Conversation, Story
from fleet.push.gate import Gate
from fleet.push.host_keys import Pinned
from fleet.push.job import FileSource, PushJob, ScanResult
from fleet.push.link import Deadline, LinkError
from fleet.push.throttle import UNLIMITED, Throttle
from fleet.push.transport import Courier
from fleet.push.user_key import UserKey

SCAN_S = 20.0
_PIECE_BYTES = 256 * 1024


def push_terminal(
    job: PushJob,
    files: FileSource,
    keys: UserKey,
    ssh_config: Path | None = None,
    stop: threading.Event | None = None,
    *,
    gate: Gate | None = None,
    throttle: Throttle = UNLIMITED,
) -> AttemptResult:
    """Push one terminal and say how it ended; a bad terminal is a result, never an exception.

    Args:
        job: What to push, where, and until when.
        files: The contents of the artifact's files.
        keys: The user key that the terminal accepts.
        ssh_config: An ssh_config(5) file for aliases and gateways.
        stop: Set to stop: before the terminal has the last word it ends with cause STOPPED and nothing touched; after it, it goes on.
        gate: Where its login waits for its turn, shared with the other pushes; without one it waits for nobody.
        throttle: How fast this push and the others that share it may send.
    """
    started_at = datetime.now(UTC)
    policy = Pinned(job.pinned)
    values = {**job.values, "sent_at": str(int(started_at.timestamp()))}
    conversation = Conversation(job.program, job.artifact, values, secrets.token_hex(16), job.attempt)
    courier = Courier(conversation, files, Deadline.after(job.deadline_s), stop)
    courier.turn = throttle.turn(job.site.code)
    try:
        story = _told_apart(_converse(job, courier, policy, keys, ssh_config, gate=gate or Gate()), job.artifact, files)
    except LinkError as error:
        ending = TerminalState.FAILED if error.cause is Cause.STOPPED else TerminalState.UNREACHABLE
        story = _not_begun(ending, error.cause, error.detail)
    return AttemptResult(
        terminal=job.terminal.id,
        number=job.number,
        errand=job.errand,
        ending=story.ending,
        in_place=story.in_place,
        step=story.step,
        cause=story.cause,
        detail=story.detail or clean(courier.detail.encode()),
        steps=story.steps,
        facts=dict(story.facts),
        key=story.key,
        host_fingerprint=policy.seen,
        bytes_sent=courier.sent_bytes,
        bytes_saved=0 if job.errand else story.bytes_saved + courier.held_bytes,  # a way back wants no files, so it spares none
        log=story.log,
        interrupted=story.interrupted,
        started_at=started_at,
        finished_at=max(started_at, datetime.now(UTC)),
    )


def scan_host_key(terminal: Terminal, ssh_config: Path | None = None, keys: UserKey | None = None, gate: Gate | None = None) -> ScanResult:
    """The fingerprint of the terminal's host key, without logging in there; a bad terminal is a result, never an exception.

    `keys` is for the gateways on the way, where there are any; `gate` is shared with the other scans.
    """
    if terminal.host is None:
        return ScanResult(None, Cause.NAME_UNKNOWN)
    policy = Pinned(None)
    try:
        entry = Entry(gate or Gate())
        with TerminalConnection(Target(terminal, "nobody", ssh_config), keys, policy, Deadline.after(SCAN_S), entry):
            pass
    except LinkError as error:  # with nothing pinned every key is turned away, and has been seen
        return ScanResult(policy.seen) if policy.seen else ScanResult(None, error.cause, clean(error.detail.encode()))
    return ScanResult(policy.seen)


def _converse(job: PushJob, courier: Courier, policy: Pinned, keys: UserKey, ssh_config: Path | None, *, gate: Gate) -> Story:
    if courier.stop is not None and courier.stop.is_set():
        return _not_begun(TerminalState.FAILED, Cause.STOPPED)
    if job.pinned is None:
        raise LinkError(Cause.HOST_KEY_UNCONFIRMED)
    if job.terminal.host is None:
        raise LinkError(Cause.NAME_UNKNOWN)
    target = Target(job.terminal, job.terminal.user or job.account.user, ssh_config)
    entry = Entry(gate, job.site.district, courier.stop)
    with TerminalConnection(target, keys, policy, courier.deadline, entry) as transport:
        job.on_connected()
        cause, exit_status = courier.carry(transport)
    return courier.conversation.story(cause, exit_status)


def _told_apart(story: Story, artifact: Artifact | None, files: FileSource) -> Story:
    """The story; where a file arrived damaged that is no better here, it is not the line's fault."""
    if story.cause is not Cause.DAMAGED_FILE or artifact is None:
        return story
    for file in artifact.files:
        try:
            with files.open(file.sha256) as content:
                hashed = sha256()
                while piece := content.read(_PIECE_BYTES):
                    hashed.update(piece)
        except OSError as error:
            return replace(story, cause=Cause.RELEASE_FILE, detail=f"{file.path}: {error.strerror or type(error).__name__}")
        if (found := hashed.hexdigest()) != file.sha256:
            detail = f"{file.path}: its digest is {found[:12]}, not {file.sha256[:12]}"
            return replace(story, cause=Cause.RELEASE_FILE, detail=detail)
    return story


def _not_begun(ending: TerminalState, cause: Cause, detail: str = "") -> Story:
    return Story(ending, cause, in_place=False, step="", detail=clean(detail.encode()), steps=(), facts={}, key=None, bytes_saved=0, log=())
