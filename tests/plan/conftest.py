"""Fleets, a release and a playbook to plan with; the playbook is the one that ships."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from fleet.model.inventory import District, Fleet, Reach, Site, SiteKind, Terminal
from fleet.model.playbook import Playbook
from fleet.model.release import Artifact, Release, ReleaseFile
from fleet.plan import read_playbook
from tests.seals import signed

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
PROGRAMS = ("bin/client", "bin/health", "bin/swipe-test", "bin/certificate", "bin/encryption")

ArtifactMaker = Callable[..., Artifact]
FleetMaker = Callable[..., Fleet]


@pytest.fixture(scope="session")
def playbook() -> Playbook:
    return read_playbook(PLAYBOOKS / "upgrade-client.yaml")


@pytest.fixture(scope="session")
def release() -> Release:
    return signed(Release(version="4.2.0", artifacts=(_artifact("hospital", "kind:hospital"), _artifact("pharmacy", "kind:pharmacy"))))


@pytest.fixture(scope="session")
def make_artifact() -> ArtifactMaker:
    """An artifact of a name and a selection, with the programs of the playbook or the ones that are given."""
    return _artifact


def _artifact(name: str, where: str, *paths: str) -> Artifact:
    files = (ReleaseFile(path=path, sha256=sha256(path.encode()).hexdigest(), size=len(path), mode="0755") for path in paths or PROGRAMS)
    return Artifact(name=name, where=where, files=tuple(files))


@pytest.fixture(scope="session")
def make_fleet() -> FleetMaker:
    """A fleet from rows `(site, kind, terminals, {vendor, emergency, by_hand})`."""

    def make(*rows: tuple[str, str, int, dict[str, object]]) -> Fleet:
        sites: dict[str, Site] = {}
        terminals: dict[str, Terminal] = {}
        for code, kind, count, more in rows:
            vendor = str(more.get("vendor", "acme"))
            sites[code] = Site(
                code=code,
                kind=SiteKind(kind),
                name=f"{code} 号",
                district="qw",
                emergency=bool(more.get("emergency")),
                labels={"vendor": vendor},
            )
            for n in range(count):
                reach = Reach.BY_HAND if n < int(str(more.get("by_hand", 0))) else Reach.SSH
                terminal = Terminal(site=code, code=f"t{n:02}", host="127.0.0.1", port=2000 + len(terminals), reach=reach)
                terminals[terminal.id] = terminal
        return Fleet(districts={"qw": District(code="qw", name="青湾区")}, sites=sites, terminals=terminals)

    return make
