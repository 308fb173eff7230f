"""Taking a release in: what it becomes, what is refused, and that a refused one leaves nothing behind."""

import gzip
import io
import os
import stat
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from fleet.errors import MistakesError
from fleet.trust.contents import Contents
from fleet.trust.release import add_release, verify_release
from fleet.trust.sources import Limits

DESCRIPTION = """\
version: "4.20"
notes: 新版本
artifacts:
  - name: hospital
    where: kind:hospital
    source: [common, hospital]
  - name: pharmacy
    where: 类别：药店
    source: common
"""


@pytest.fixture
def description(tmp_path: Path) -> Path:
    for path, text, mode in (
        ("common/bin/health", "#!/bin/sh\necho status=ok\n", 0o644),
        ("common/lib/client", "\x7fELF", 0o775),
        ("common/share/notice.txt", "hello\n", 0o600),
        ("hospital/share/vendor.conf", "vendor=acme\n", 0o644),
    ):
        file = tmp_path / "new" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
    file = tmp_path / "new" / "release.yaml"
    file.write_text(DESCRIPTION, encoding="utf-8")
    return file


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / "releases"


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data))


def member(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o644, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, link
    return info


def refusals(description: Path, releases: Path, limits: Limits = Limits()) -> str:
    with pytest.raises(MistakesError) as caught:
        add_release(description, releases, limits)
    assert list(releases.iterdir()) == []
    return str(caught.value)


def test_a_release_becomes_artifacts_and_contents_named_by_their_digest(description: Path, releases: Path) -> None:
    release = add_release(description, releases)

    assert (release.version, release.notes) == ("4.20", "新版本")
    hospital, pharmacy = release.artifacts
    assert [(file.path, file.mode) for file in hospital.files] == [
        ("bin/health", "0755"),
        ("lib/client", "0755"),
        ("share/notice.txt", "0644"),
        ("share/vendor.conf", "0644"),
    ]
    assert pharmacy.files == hospital.files[:3]
    assert {file.sha256 for file in hospital.files} == {content.name for content in releases.iterdir()}
    for file in hospital.files:
        with Contents(releases).open(file.sha256) as content:
            assert sha256(content.read()).hexdigest() == file.sha256


def test_a_directory_and_an_archive_of_it_are_the_same_release(description: Path, releases: Path) -> None:
    from_directories = add_release(description, releases)
    with tarfile.open(description.parent / "common.tar.gz", "w:gz") as tar:
        tar.add(description.parent / "common", ".")
    description.write_text(DESCRIPTION.replace("common", "common.tar.gz"), encoding="utf-8")

    assert add_release(description, releases).digest == from_directories.digest


def test_every_thing_that_is_no_ordinary_file_is_refused_at_once(description: Path, releases: Path) -> None:
    common = description.parent / "common"
    (common / "link").symlink_to("/etc/passwd")
    (common / "dir-link").symlink_to("/etc")
    os.mkfifo(common / "pipe")
    (common / ".hidden").write_text("")
    (common / "two words").write_text("")
    (common / "setuid").write_text("")
    (common / "setuid").chmod(0o4755)

    said = refusals(description, releases)

    assert f"{common}/link: is a link" in said
    assert f"{common}/dir-link: is a link" in said
    assert f"{common}/pipe: is not an ordinary file" in said
    assert f"{common}/.hidden: has a name that a terminal may not take" in said
    assert f"{common}/two words: has a name" in said
    assert f"{common}/setuid: has a set-user-id" in said
    assert "6 mistakes" in said


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (member("../escape"), "lies outside the release"),
        (member("/etc/passwd"), "lies outside the release"),
        (member("a/../../b"), "lies outside the release"),
        (member("link", tarfile.SYMTYPE, link="/etc/passwd"), "is a link"),
        (member("hard", tarfile.LNKTYPE, link="good"), "is a link"),
        (member("disk", tarfile.BLKTYPE), "is not an ordinary file"),
        (member("tty", tarfile.CHRTYPE), "is not an ordinary file"),
        (member("root", mode=0o4755), "has a set-user-id"),
        (member("root", mode=0o2755), "has a set-user-id or set-group-id bit"),
        (member("state/count"), "lies where the client keeps its own data"),
        (member("new\nline"), "has a name that a terminal may not take"),
        (member("good"), "holds `good` twice"),
        (member("good/inner"), "needs a directory where it has a file: `good/inner`"),
    ],
)
def test_an_archive_that_reaches_further_than_its_files_is_refused(
    description: Path, releases: Path, bad: tarfile.TarInfo, said: str
) -> None:
    archive(description.parent / "common.tar.gz", (member("good"), b"1"), (bad, b""))
    description.write_text(DESCRIPTION.replace("common", "common.tar.gz"), encoding="utf-8")

    assert said in refusals(description, releases)


def test_an_archive_that_unpacks_without_end_is_refused_before_it_has(description: Path, releases: Path) -> None:
    file = description.parent / "common.tar.gz"
    bad = member("link", tarfile.SYMTYPE, link="x")  # what is refused is skipped, and skipping unpacks as well
    bad.size = 1 << 40
    with gzip.open(file, "wb") as packed:
        packed.write(bad.tobuf(tarfile.GNU_FORMAT))
        for _ in range(64):
            packed.write(bytes(1 << 20))
    description.write_text(DESCRIPTION.replace("common", "common.tar.gz"), encoding="utf-8")

    said = refusals(description, releases, Limits(release_bytes=1 << 20, archive_entries=10))

    assert f"{file}: unpacks to more than a release may hold" in said


def test_an_archive_of_nothing_but_directories_ends_at_its_limit(description: Path, releases: Path) -> None:
    archive(description.parent / "common.tar.gz", *((member(f"d{n}", tarfile.DIRTYPE, 0o755), b"") for n in range(50)))
    description.write_text(DESCRIPTION.replace("common", "common.tar.gz"), encoding="utf-8")

    assert "holds more than 40 entries" in refusals(description, releases, Limits(archive_entries=40))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_claims_memory_without_end_is_refused_unread(description: Path, releases: Path, kind: bytes) -> None:
    header = member("././@LongLink", kind)
    header.size = 1 << 31
    with gzip.open(description.parent / "common.tar.gz", "wb") as packed:
        packed.write(header.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20))
    description.write_text(DESCRIPTION.replace("common", "common.tar.gz"), encoding="utf-8")

    assert "holds a name or a header that is far too long" in refusals(description, releases)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flip_the_checksum(data: bytes) -> bytes:
    return data[:-8] + bytes(byte ^ 1 for byte in data[-8:])


def _not_a_tar(data: bytes) -> bytes:
    return gzip.compress(b"x" * len(data))


@pytest.mark.parametrize("damage", [_cut, _flip_the_checksum, _not_a_tar, lambda data: b"PK" + data])
def test_a_damaged_archive_is_refused(description: Path, releases: Path, damage: Callable[[bytes], bytes]) -> None:
    file = description.parent / "common.tar.gz"
    archive(file, (member("bin/health"), os.urandom(200_000)))
    file.write_bytes(damage(file.read_bytes()))
    description.write_text(DESCRIPTION.replace("common", "common.tar.gz"), encoding="utf-8")

    assert "is not a readable tar.gz" in refusals(description, releases)


@pytest.mark.parametrize(
    ("limits", "said"),
    [(Limits(release_bytes=20), "is too large"), (Limits(source_files=2), "holds more than 2 files")],
)
def test_more_bytes_or_files_than_a_release_may_hold_are_refused(description: Path, releases: Path, limits: Limits, said: str) -> None:
    assert said in refusals(description, releases, limits)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind:hospital", "kind:hospitl", "release.yaml:5: `hospitl` is no value of `kind:`\nhint: did you mean `hospital`?"),
        ("kind:hospital", "state:failed", "`state:` is not known before a rollout"),
        ("name: pharmacy", "name: hospital", "two artifacts are named `hospital`"),
        ("[common, hospital]", "[common, hospitals]", "hospitals: is not there"),
        ("[common, hospital]", "[common, hospital, common]", "gets `bin/health` from two sources"),
        ("where", "wher", "release.yaml:5: unknown key `wher`\nhint: did you mean `where`?"),
    ],
)
def test_a_mistake_in_the_description_is_named_with_its_place(description: Path, releases: Path, old: str, new: str, said: str) -> None:
    description.write_text(DESCRIPTION.replace(old, new), encoding="utf-8")

    releases.mkdir(parents=True)
    assert said in refusals(description, releases)


def test_verifying_finds_what_the_disk_has_lost_or_changed_and_adding_again_mends_it(description: Path, releases: Path) -> None:
    release = add_release(description, releases)
    assert verify_release(release, releases) == ()
    lost, damaged = (releases / file.sha256 for file in release.artifacts[0].files[:2])
    lost.unlink()
    damaged.chmod(stat.S_IRUSR | stat.S_IWUSR)
    damaged.write_text("changed")

    found = [str(mistake.what) for mistake in verify_release(release, releases)]

    assert len(found) == 2
    assert "`bin/health` cannot be read" in found[0]
    assert "`lib/client` is damaged" in found[1]
    assert verify_release(add_release(description, releases), releases) == ()
