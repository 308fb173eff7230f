"""What is pushed onto what, and what must hold: right after a cut, after the boot hook, and after one more push.

- A client keeps `state/count`. The old release's stands at 5, and moving on to the new one adds 1: so 5 and 6 are the
  only right counts, and each belongs to one release.
- The new client may be sick for good, or only when it is asked the first time.
- What is signed is kept: the key of the first push, whole or not at all, and a floor that no cut lowers or raises.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from fleet.model.attempt import TerminalState
from fleet.model.playbook import ActivateStep, BindKeyStep, ConfigureStep, KeySource, SettingSource, StageStep, Step
from fleet.model.release import Release
from tests.crash.machine import Machine
from tests.seals import KEY, number_of, signature_of
from tests.terminal.field import VALUES, Build, Far, Pushed, build, words

CLIENT = """\
#!/bin/sh
# A client of version @VERSION@; it is sick where its home says so.
case $1 in
  migrate)
    read -r count <state/count
    printf '%s\\n' "$((count + 1))" >state/count
    ;;
  probe)
    [ ! -e "$HOME/sick-@VERSION@" ] || exit 7
    [ ! -e "$HOME/sick-once-@VERSION@" ] || { rm "$HOME/sick-once-@VERSION@"; exit 7; }
    ;;
esac
"""


def release(version: str) -> Build:
    """A small release of the client."""
    files = {
        "bin/client": ("0755", CLIENT.replace("@VERSION@", version).encode()),
        "lib/cards.dat": ("0644", bytes(range(256)) * 20),
        "share/version": ("0644", f"{version}\n".encode()),
    }
    return build(version, files)


CUT_AFTER = 1800
"""Bytes of a payload: the program is whole in them, the version is not."""
OLD = release("1.0")
NEW = release("2.0")
PERMITTED = NEW.permitted_from("9.0")
COUNTS = {OLD.name: "5\n", "legacy": "5\n", NEW.name: "6\n"}


def steps(version: str, *, key: bool = False) -> list[Step]:
    """An upgrade, with or without the birth of a key."""
    client = "bin/client"
    return [
        StageStep(name="stage"),
        ConfigureStep(name="configure", file="etc/client.conf", values={"for": version}, per_terminal={"card": SettingSource.KEY_CARD}),
        *([BindKeyStep(name="bind-key", key=KeySource.BORN_HERE)] if key else []),
        ActivateStep(
            name="activate",
            stop=words(client, "stop"),
            migrate=words(client, "migrate") if version == NEW.version else None,
            start=words(client, "start"),
            probe=words(client, "probe"),
            probe_attempts=1,
        ),
    ]


def numbered(made: Build, version: str) -> Build:
    """The same release, signed with the number of another version."""
    noun = Release(version=made.version, artifacts=(made.artifact,))
    signature = signature_of(noun, number=number_of(version))
    return replace(made, artifact=noun.sealed(signature, None).artifacts[0])


@dataclass(frozen=True)
class Scenario:
    """A push, and what is there before it."""

    name: str
    adopt: bool = False
    """The old client is an ordinary directory, as it was before this program came."""
    sick: str = ""
    """`sick` or `sick-once`: the new client's probe fails, for good or the first time."""
    part: str = ""
    """Version of the release whose payload was cut off before, and whose part is still there."""
    downgrade: bool = False
    """What is live has a higher number than what is pushed, and that is permitted."""
    stages: bool = False
    """What is cut is a push that only stages; the night's push comes after it."""
    back: bool = False
    """What is cut takes the new release back that was committed before; the push that heals does so, too."""

    @property
    def old(self) -> str:
        """Name of the release before."""
        return "legacy" if self.adopt else OLD.name

    def prepare(self, far: Far) -> None:
        """Put what is there before the push onto the terminal."""
        if self.adopt:
            for file in OLD.artifact.files:
                path = far.root / "current" / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(OLD.contents[file.sha256])
                path.chmod(int(file.mode, 8))
        else:
            before = numbered(OLD, "9.0") if self.downgrade else OLD
            assert far.push(steps("1.0"), before, attempt="01d0").story.ending is TerminalState.UPGRADED
        (far.root / "current/state").mkdir()
        (far.root / "current/state/count").write_text("5\n")
        if self.part:
            cut = far.push(steps(self.part), release(self.part), attempt="0c", cut_after=CUT_AFTER)
            assert cut.story.ending is TerminalState.UNKNOWN
            assert (far.root / ".fleet/part").stat().st_size == CUT_AFTER
        if self.back:
            assert far.push(steps("2.0"), NEW, attempt="0ed0").story.ending is TerminalState.UPGRADED
        if self.sick:
            (far.home / f"{self.sick}-2.0").touch()

    def floor(self, committed: str) -> int:
        """What the floor has to be while that release is the last that was committed."""
        if self.downgrade:
            return number_of("9.0")
        if self.back:
            return number_of("2.0")
        return {OLD.name: number_of("1.0"), NEW.name: number_of("2.0")}.get(committed, 0)

    def is_sick(self, far: Far) -> bool:
        """Whether the new client's next probe fails."""
        return bool(self.sick) and (far.home / f"{self.sick}-2.0").exists()

    @property
    def ending(self) -> TerminalState:
        """How its push ends when nothing goes wrong."""
        if self.back:
            return TerminalState.TAKEN_BACK
        return TerminalState.STAGED if self.stages else TerminalState.ROLLED_BACK if self.sick else TerminalState.UPGRADED

    def push(self, machine: Machine, attempt: str) -> Pushed:
        """The push that is cut."""
        made = PERMITTED if self.downgrade else NEW
        only = "stage" if self.stages else "rollback" if self.back else ""
        values = {**VALUES, "only": only} if only else VALUES
        return machine.far.push(steps("2.0", key=self.name == "forward"), made, attempt=attempt, values=values)

    def heal(self, machine: Machine, attempt: str) -> Pushed:
        """The push that comes after it."""
        return replace(self, stages=False).push(machine, attempt)


FORWARD = Scenario("forward")
ROLLBACK = Scenario("rollback", sick="sick")
ADOPTION = Scenario("adoption", adopt=True)
ADOPTION_ROLLBACK = Scenario("adoption-rollback", adopt=True, sick="sick")
ONCE_SICK = Scenario("once-sick", sick="sick-once")
GOING_ON = Scenario("going-on", part="2.0")
OTHER_PART = Scenario("other-part", part="3.0")
DOWNGRADE = Scenario("downgrade", downgrade=True)
STAGING = Scenario("staging", stages=True)
ADOPTION_STAGING = Scenario("adoption-staging", adopt=True, stages=True)
TAKING_BACK = Scenario("taking-back", back=True)
ADOPTION_TAKING_BACK = Scenario("adoption-taking-back", adopt=True, back=True)
SCENARIOS = (
    FORWARD,
    ROLLBACK,
    ADOPTION,
    ADOPTION_ROLLBACK,
    GOING_ON,
    OTHER_PART,
    STAGING,
    ADOPTION_STAGING,
    TAKING_BACK,
    ADOPTION_TAKING_BACK,
)


def journal_state(root: Path) -> str:
    """The state that the journal's last whole record names."""
    journal = root / ".fleet/journal"
    if not journal.exists():
        return ""
    state = ""
    for line in journal.read_bytes().splitlines():
        body, _, again = line.partition(b" = ")
        if body and body == again:
            state = body.split()[0].decode()
    return state


def damaged_files(directory: Path, made: Build, name: str) -> list[str]:
    """What is wrong with the files that were sent: nothing may be."""
    wrong = []
    for file in made.artifact.files:
        path = directory / file.path
        if not path.is_file() or path.read_bytes() != made.contents[file.sha256]:
            wrong.append(f"{name}: {file.path} is not whole")
        elif bool(path.stat().st_mode & 0o100) != (file.mode == "0755"):
            wrong.append(f"{name}: {file.path} has the wrong mode")
    return wrong


def damage(directory: Path, name: str) -> list[str]:
    """What is wrong with a release: nothing may be."""
    made = NEW if name == NEW.name else OLD
    wrong = damaged_files(directory, made, name)
    configured = directory / "etc/client.conf"
    if name != "legacy" and (not configured.is_file() or configured.read_text() != f"for={made.version}\ncard=KC-0815\n"):
        wrong.append(f"{name}: the configuration is not whole")
    count = directory / "state/count"
    found = count.read_text() if count.is_file() else "none"
    if found != COUNTS[name]:
        wrong.append(f"{name}: state is {found!r}")
    return wrong


def live_release(root: Path) -> tuple[str, Path]:
    """Name and place of the release that a launcher would start."""
    current = root / "current"
    if current.is_symlink():
        return Path(current.readlink()).name, current
    if current.is_dir():
        return "legacy", current
    if journal_state(root) in ("activating", "back") and (root / "releases/legacy").is_dir():
        return "legacy", root / "releases/legacy"
    return "", current


def wrong_with(scenario: Scenario, root: Path) -> list[str]:
    """What must never be, at whatever moment."""
    name, place = live_release(root)
    if name not in (scenario.old, NEW.name):
        return [f"the live release is {name or 'none'}"]
    wrong = damage(place, name)
    for directory in (root / "releases" / scenario.old, root / "current"):
        if directory.is_dir() and not directory.is_symlink():
            wrong += damage(directory, scenario.old)
    wrong += wrong_with_what_is_signed(scenario, root, name)
    if journal_state(root) == "committed" and scenario.sick == "sick" and name == NEW.name:
        wrong.append("a sick release was committed")
    return wrong


def wrong_with_what_is_signed(scenario: Scenario, root: Path, live: str) -> list[str]:
    """The key that is known, what is kept of a release that was committed, and the floor."""
    wrong = []
    key, whole = root / ".fleet/release-key", f"{KEY.public_line}\n"
    known = key.read_text() if key.exists() else ""
    if not whole.startswith(known):
        wrong.append(f"the release key is {known!r}")
    committed = NEW.name if live == NEW.name and journal_state(root) == "committed" else scenario.old
    record = root / ".fleet/signed" / committed
    if committed != "legacy" and (not record.exists() or not record.read_text().startswith("sshsig\nfleet-release/1\n")):
        wrong.append(f"{committed} is live, and nothing is kept of its signature")
    if committed != "legacy" and known != whole:
        wrong.append(f"a release was committed, and of its key is known {known!r}")
    if (found := floor(root, committed)) != (wanted := scenario.floor(committed)):
        wrong.append(f"the floor is {found}, not {wanted}")
    return wrong


def floor(root: Path, committed: str) -> int:
    """The lowest number that a terminal takes: of the file, or of what was committed."""
    file, record = root / ".fleet/floor", root / ".fleet/signed" / committed
    kept = file.read_text().split()[:1] if file.exists() else []
    signed = (
        [line.removeprefix("number=") for line in record.read_text().splitlines() if line.startswith("number=")] if record.exists() else []
    )
    return max(map(int, (*kept, *signed)), default=0)


def wrong_with_story(scenario: Scenario, pushed: Pushed, root: Path) -> list[str]:
    """Whether what the terminal said holds."""
    name, _ = live_release(root)
    ending = pushed.story.ending
    if ending is TerminalState.UPGRADED and (name != NEW.name or journal_state(root) != "committed"):
        return [f"it said upgraded, but {name} is live and the journal says {journal_state(root)!r}"]
    if ending is TerminalState.STAGED:
        return damaged_files(root / "releases" / NEW.name, NEW, NEW.name)
    if ending in {TerminalState.ROLLED_BACK, TerminalState.TAKEN_BACK} and name != scenario.old:
        return [f"it said {ending}, but {name} is live"]
    return []


def wrong_after_boot(scenario: Scenario, root: Path) -> list[str]:
    """After the boot hook nothing is half-way."""
    name, _ = live_release(root)
    state = journal_state(root)
    wrong = wrong_with(scenario, root)
    if state in ("activating", "back"):
        wrong.append(f"the boot hook left the journal at {state}")
    if name == NEW.name and state != "committed":
        wrong.append("the boot hook left a release that was not committed")
    if not (root / "current").is_dir():
        wrong.append("there is no client to start")
    return wrong


def wrong_at_the_end(scenario: Scenario, pushed: Pushed, root: Path, *, upgrade: bool) -> list[str]:
    """After one more push the terminal is where it belongs, and nothing is left lying about."""
    wanted = (TerminalState.UPGRADED, NEW.name) if upgrade else (TerminalState.ROLLED_BACK, scenario.old)
    wanted = (TerminalState.TAKEN_BACK, scenario.old) if scenario.back else wanted
    name, _ = live_release(root)
    wrong = wrong_with(scenario, root) + wrong_with_story(scenario, pushed, root)
    if (pushed.story.ending, name) != wanted:
        wrong.append(f"healed to {pushed.story.ending} {pushed.story.cause} {pushed.story.detail} with {name}: {pushed.story.log}")
    if not (root / "current").is_symlink():
        wrong.append("current is no link")
    # A push that finds everything in place writes nothing, so it does not clean up either.
    if not pushed.story.in_place:
        locks = sorted((root / ".fleet").glob("lock.*"))
        parts = [*(root / ".fleet").glob("part*"), *root.glob("releases/part")]
        wrong += [f"left lying about: {path.name}" for path in (*locks[:-1], *parts)]
    return wrong


def snapshot(root: Path) -> dict[str, object]:
    """Everything under the root that a push may change."""
    return {str(path.relative_to(root)): path.lstat().st_ino for path in root.rglob("*")}


def live_things(root: Path) -> dict[str, object]:
    """All that a client that runs, the boot hook and a later rollback rest on; a push that only stages leaves every bit of it alone."""
    found: dict[str, object] = {}
    work = root / ".fleet"
    for place in (root / "current", *(root / "releases" / name for name in COUNTS if name != NEW.name), work / "journal", work / "boot.sh"):
        for path in [place, *(place.rglob("*") if not place.is_symlink() else ())]:
            if path.is_symlink():
                found[str(path)] = path.readlink()
            elif path.is_file():
                found[str(path)] = (path.stat().st_ino, path.stat().st_mode, path.read_bytes())
    return found


def save(far: Far, image: Path) -> None:
    """Keep the terminal's home as an image."""
    shutil.copytree(far.home, image, symlinks=True)
