"""A terminal without SSH: the real program in a real shell, in a home of its own, spoken to through pipes."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO

from fleet.model.attempt import Cause
from fleet.model.plan import Program
from fleet.model.playbook import (
    Account,
    ActivateStep,
    BindKeyStep,
    CollectStep,
    Command,
    ConfigureStep,
    KeySource,
    Playbook,
    PreflightStep,
    ProbeStep,
    SettingSource,
    StageStep,
    Step,
)
from fleet.model.release import Artifact, ReleaseFile
from fleet.push.conversation import Conversation, GoOn, HangUp, SendFile, SendLastWord, Story
from fleet.push.payload import ANEW, LAST_WORD, REST, Part, archive_header, archive_padding, is_part
from fleet.terminal.compile import compile_program, release_name
from tests.seals import sealed

NEEDED_TOOLS = ("cat", "chmod", "cp", "df", "find", "head", "ln", "mkdir", "mv", "rm", "sha256sum", "sleep", "tail", "tar")
USED_TOOLS = ("date", "flock", "setsid", "ssh-keygen", "sync", "timeout", "wc")
NO_APPLETS = ("ssh-keygen",)
NOT_ON_BUSYBOX = ("flock",)
SHELLS = ("dash", "busybox", "bash")
VALUES = {"terminal": "pharmacy-12/t03", "site": "pharmacy-12", "kind": "pharmacy", "district": "qingwan", "key_card": "KC-0815"}
NONCE = "5eed" * 8
ENOUGH_S = 30

CLIENT = """\
#!/bin/sh
# A card-swiping client: remembers in its home what it was asked, and says how it is.
printf '%s %s\\n' '@VERSION@' "$1" >>"$HOME/asked"
[ ! -e "$HOME/break-$1-@VERSION@" ] || exit 7
[ ! -p "$HOME/wait-$1-@VERSION@" ] || read -r _ <"$HOME/wait-$1-@VERSION@"
case $1 in
  status) printf 'version=%s\\nmode=software\\n' '@VERSION@' ;;
esac
"""


def client_files(version: str, *, extra: Mapping[str, bytes] | None = None) -> dict[str, tuple[str, bytes]]:
    """Path -> mode and contents of a small release."""
    files = {
        "bin/client": ("0755", CLIENT.replace("@VERSION@", version).encode()),
        "lib/cards.dat": ("0644", bytes(range(256)) * 300),
        "lib/empty": ("0644", b""),
        "share/version": ("0644", f"{version}\n".encode()),
    }
    files.update({path: ("0644", data) for path, data in (extra or {}).items()})
    return files


@dataclass(frozen=True)
class Build:
    """A release's one artifact, with its contents."""

    version: str
    artifact: Artifact
    contents: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return release_name(self.artifact, self.version)

    def permitted_from(self, version: str) -> "Build":
        """The same, also for terminals that had that newer version."""
        return replace(self, artifact=sealed(self.artifact, self.version, permitted_from=version))


def build(version: str, files: Mapping[str, tuple[str, bytes]] | None = None) -> Build:
    """A release of the sample client."""
    files = client_files(version) if files is None else files
    listed = [
        ReleaseFile.model_validate({"path": path, "sha256": sha256(data).hexdigest(), "size": len(data), "mode": mode})
        for path, (mode, data) in files.items()
    ]
    contents = {sha256(data).hexdigest(): data for _, data in files.values()}
    return Build(version, sealed(Artifact(name="all", files=tuple(listed)), version), contents)


def words(*parts: str, timeout_s: float = 20.0) -> Command:
    """A command of the playbook."""
    return Command(words=parts, timeout_s=timeout_s)


def upgrade_steps(version: str, *, key: BindKeyStep | None = None) -> list[Step]:
    """The steps of an ordinary upgrade."""
    return [
        PreflightStep(name="preflight", min_free_kb=64, tools=("tar",)),
        StageStep(name="stage"),
        ConfigureStep(
            name="configure",
            file="etc/client.conf",
            values={"mode": "software"},
            per_terminal={"terminal": SettingSource.TERMINAL, "card": SettingSource.KEY_CARD, "release": SettingSource.RELEASE},
        ),
        key or BindKeyStep(name="bind-key", key=KeySource.BORN_HERE),
        ActivateStep(
            name="activate",
            drain=words("bin/client", "drain"),
            stop=words("bin/client", "stop"),
            start=words("bin/client", "start"),
            probe=words("bin/client", "probe"),
            probe_attempts=2,
            probe_wait_s=0,
        ),
        ProbeStep(name="probe", command=words("bin/client", "status"), expect={"version": version}),
        CollectStep(name="collect", facts={"release": words("cat", "share/version")}),
    ]


def playbook(steps: list[Step], root: str = "client") -> Playbook:
    """A playbook of these steps."""
    return Playbook(name="upgrade", account=Account(user="fleet", root=root), steps=tuple(steps))


@dataclass
class Pushed:
    """How one push went."""

    story: Story
    asked_for: tuple[str, ...]
    """Paths of the files the terminal asked for."""
    exit_code: int | None
    sent_bytes: int = 0
    """Of the payload: archive and last word."""
    held: Part | None = None
    """What the terminal said it held of the payload."""


@dataclass
class Far:
    """One terminal: its home, its shell, its tools."""

    home: Path
    tools: Path
    """The one directory of its PATH."""
    attempts: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    """What its processes find beside PATH and HOME."""

    @property
    def root(self) -> Path:
        return self.home / "client"

    @property
    def live(self) -> str | None:
        """Name of the release `current` points to."""
        current = self.root / "current"
        return Path(current.readlink()).name if current.is_symlink() else None

    def fail(self, what: str, version: str) -> None:
        """The sample client of that version fails whenever it is asked this."""
        (self.home / f"break-{what}-{version}").touch()

    def asked(self) -> list[str]:
        """What the sample clients were asked so far."""
        log = self.home / "asked"
        return log.read_text().splitlines() if log.exists() else []

    def start(self, conversation: Conversation) -> subprocess.Popen[bytes]:
        """Start the program as sshd would."""
        environment = {"PATH": str(self.tools), "HOME": str(self.home), **self.environment}
        process = subprocess.Popen(
            [self.tools / "sh", "-c", conversation.command()],
            cwd=self.home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(conversation.opening())
        return process

    def conversation(
        self, program: Program, artifact: Artifact | None, *, attempt: str | None = None, values: Mapping[str, str] = VALUES
    ) -> Conversation:
        """A new conversation, of a new attempt unless told."""
        self.attempts += 1
        return Conversation(program, artifact, values, NONCE, attempt or f"{self.attempts:016x}")

    def push(
        self,
        steps: list[Step],
        release: Build | None = None,
        *,
        attempt: str | None = None,
        values: Mapping[str, str] = VALUES,
        damage: Callable[[bytes], bytes] = bytes,
        cut_at: type[SendFile | SendLastWord] | None = None,
        cut_after: int | None = None,
        root: str = "client",
    ) -> Pushed:
        """Push, as the transport would; `cut_at` drops the link when that was sent, `cut_after` after so many bytes of the payload."""
        artifact = release.artifact if release else None
        program = compile_program(playbook(steps, root), steps, artifact, release.version if release else "1.0")
        conversation = self.conversation(program, artifact, attempt=attempt, values=values)
        with self.start(conversation) as process:
            assert process.stdin is not None
            payload = Payload(process.stdin, release.contents if release else {}, damage, cut_after)
            return self._talk(process, conversation, payload, cut_at)

    def _talk(
        self,
        process: subprocess.Popen[bytes],
        conversation: Conversation,
        payload: "Payload",
        cut_at: type[SendFile | SendLastWord] | None,
    ) -> Pushed:
        assert process.stdin is not None
        assert process.stdout is not None
        asked_for = []
        cut = False
        while not cut and (data := process.stdout.read(65536)):
            for order in conversation.feed(data):
                match order:
                    case GoOn(part, files):
                        payload.go_on(part, files)
                    case SendFile(file):
                        asked_for.append(file.path)
                        payload.send_file(file)
                    case SendLastWord():
                        conversation.last_word_sent = True
                        payload.send(LAST_WORD)
                        process.stdin.close()
                    case HangUp():
                        pass
                cut = payload.is_cut or (cut_at is not None and isinstance(order, cut_at))
                if cut:
                    break
        if cut:
            process.stdin.close()
            process.stdout.close()
            process.wait(ENOUGH_S)
            return Pushed(conversation.story(Cause.LINK_LOST), tuple(asked_for), None, payload.sent_bytes, payload.held)
        code = process.wait(ENOUGH_S)
        return Pushed(conversation.story(exit_code=code), tuple(asked_for), code, payload.sent_bytes, payload.held)


def payload_of(release: Build, *paths: str) -> bytes:
    """What travels when these files are needed: the archive, and the last word."""
    files = [file for file in release.artifact.files if file.path in paths]
    return b"".join(archive_header(file) + release.contents[file.sha256] + archive_padding(file) for file in files) + LAST_WORD


@dataclass
class Payload:
    """What goes to the terminal on request."""

    stream: IO[bytes]
    contents: Mapping[str, bytes]
    damage: Callable[[bytes], bytes]
    left: int | None
    """Bytes until the link is cut."""
    sent_bytes: int = 0
    held: Part | None = None
    skip: int = 0

    @property
    def is_cut(self) -> bool:
        return self.left == 0

    def go_on(self, part: Part, files: tuple[ReleaseFile, ...]) -> None:
        """Answer a terminal that holds a part."""
        self.held = part
        self.skip = part.bytes if is_part(part, files, lambda file: BytesIO(self.contents[file.sha256])) else 0
        self._write(REST if self.skip else ANEW)

    def send_file(self, file: ReleaseFile) -> None:
        self.send(archive_header(file) + self.damage(self.contents[file.sha256]) + archive_padding(file))

    def send(self, data: bytes) -> None:
        """Send what the terminal does not hold, up to the cut."""
        held = min(self.skip, len(data))
        self.skip -= held
        data = data[held:][: self.left]
        if self.left is not None:
            self.left -= len(data)
        self.sent_bytes += len(data)
        self._write(data)

    def _write(self, data: bytes) -> None:
        with suppress(BrokenPipeError):  # it died; what it said tells how far it came
            self.stream.write(data)


def make_far(directory: Path, shell: str) -> Far:
    """A terminal whose `sh`, and for busybox every other tool, is that shell's. It has what PROTOCOL.md names and nothing else."""
    tools = directory / "tools"
    tools.mkdir(parents=True)
    home = directory / "home"
    home.mkdir()
    own = shutil.which(shell)
    assert own is not None
    (tools / "sh").symlink_to(own)
    for name in (*NEEDED_TOOLS, *USED_TOOLS):
        if shell == "busybox" and name in NOT_ON_BUSYBOX:
            continue
        tool = own if shell == "busybox" and name not in NO_APPLETS else shutil.which(name)
        if tool is not None:
            (tools / name).symlink_to(tool)
    return Far(home, tools)
