"""Who has a site: holds that ran out and were left behind, pushes that nobody makes any more, and owners whom nobody knows."""

from collections.abc import Iterator
from datetime import datetime

from fleet.doctor.finding import Finding, Level
from fleet.model.actor import FLEET
from fleet.model.lease import Lease, Purpose
from fleet.settings import Settings
from fleet.store import Snapshot, fleets, leases
from fleet.store.orchestrator import read_orchestrator
from fleet.text import N_

CHECK = "site-leases"


def check_site_leases(snapshot: Snapshot, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Every site that is in use is in use by somebody who is there."""
    kept, people, last = leases.every(snapshot), fleets.read_people(snapshot), read_orchestrator(snapshot)
    is_run = last is not None and last.is_alive(now)
    left = [lease for lease in kept if lease.purpose is Purpose.PUSH and (lease.until <= now or not is_run)]
    if left:
        what = N_(
            "{count} {count:site is|sites are} kept for pushes that nobody makes any more, {site} first", count=len(left), site=left[0].site
        )
        mend = N_("`fleet run` takes them up again; where no rollout is unfinished, `fleet lease {site} --free`", site=left[0].site)
        yield Finding(CHECK, what, left[0].site, mend, Level.NOTE)
    for lease in kept:
        if lease.purpose is Purpose.PUSH:
            continue
        if lease.until <= now:
            yield _run_out(lease, people[lease.owner].name if lease.owner in people else lease.owner, settings)
        elif lease.owner not in people and lease.owner != FLEET.code:
            what = N_("site `{site}` is in use by `{owner}`, who is nobody of this inventory", site=lease.site, owner=lease.owner)
            mend = N_("have a coordinator let go of it: `fleet lease {site} --free`", site=lease.site)
            yield Finding(CHECK, what, lease.site, mend)


def _run_out(lease: Lease, name: str, settings: Settings) -> Finding:
    until = f"{lease.until.astimezone(settings.zone):%Y-%m-%d %H:%M}"
    what = N_("{name} had site `{site}` until {time} and did not let go; others may have it now", name=name, site=lease.site, time=until)
    mend = N_("ask whether the work there has ended, then `fleet lease {site} --free`", site=lease.site)
    return Finding(CHECK, what, lease.site, mend, Level.NOTE)
