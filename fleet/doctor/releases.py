"""Releases: every file as it was added, every signature good for a while yet."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from fleet.doctor.finding import Finding, Level
from fleet.rollout import ENDED
from fleet.settings import Settings
from fleet.store import Snapshot, rollouts
from fleet.store import releases as stored
from fleet.text import N_
from fleet.trust.release import verify_release

_SOON = timedelta(days=14)


def check_files(snapshot: Snapshot, settings: Settings) -> Iterator[Finding]:
    """Every file of every release is there, with the sum it was added with."""
    for release in stored.read_releases(snapshot):
        bad = verify_release(release, settings.workspace / "releases")
        if bad:
            what = N_(
                "release {version}: {what} ({count} {count:file|files} in all)", version=release.version, what=bad[0].what, count=len(bad)
            )
            yield Finding("releases", what, bad[0].file, N_("add the release again with `fleet release add`"))


def check_signatures(snapshot: Snapshot, settings: Settings, now: datetime) -> Iterator[Finding]:
    """No release that is in use has an expired signature, and none expires unnoticed."""
    in_use = _in_use(snapshot)
    for release in stored.read_releases(snapshot):
        signature, where = release.signature, N_("release {version}", version=release.version)
        mend = N_("run `fleet release sign {version}`, then make the plan again", version=release.version)
        level = Level.WRONG if release.version in in_use else Level.NOTE
        if signature is None:
            yield Finding("signatures", N_("it is not signed; no terminal takes it"), where, mend, level)
        elif signature.expires_at < now + _SOON:
            day = f"{signature.expires_at.astimezone(settings.zone):%Y-%m-%d}"
            if signature.is_expired(now):
                yield Finding("signatures", N_("its signature expired on {day}", day=day), where, mend, level)
            else:
                yield Finding("signatures", N_("its signature expires on {day}", day=day), where, mend, Level.NOTE)


def _in_use(snapshot: Snapshot) -> set[str]:
    newest = rollouts.newest_rollout(snapshot)
    if newest is None or newest.phase in ENDED:
        return set()
    return {stored.read_plan(snapshot, newest.plan_digest).release}
