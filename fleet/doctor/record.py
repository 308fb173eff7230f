"""The database, the record in it, and who works on it: orchestrator, leases, host keys."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from fleet.doctor.finding import Finding, Level
from fleet.doctor.workspace import is_read_only
from fleet.model.inventory import Reach
from fleet.model.rollout import ShardState
from fleet.model.trust import HostKeyState
from fleet.rollout import ENDED
from fleet.settings import Settings
from fleet.store import Snapshot, fleets, health, rollouts, shards, trust
from fleet.store.audit import check_chain
from fleet.store.orchestrator import read_orchestrator
from fleet.text import N_, Message

_LARGE_LOG = 256_000_000
"""Bytes of the write-ahead log: it is emptied in passing, unless somebody keeps an old view open."""
_STALE_AFTER = timedelta(minutes=2)
_SLACK = timedelta(seconds=30)


def check_database(settings: Settings) -> Iterator[Finding]:
    """It is there, whole, of this version, and written ahead; looked at without changing it."""
    found = health.look(settings)
    where = settings.url
    for problem in found.problems[:3]:
        mend = N_("restore a backup (docs/operations.md, Backups)")
        yield Finding("database", N_("the database is damaged: {problem}", problem=problem), where, mend)
    if found.revision is None:
        what = N_("the database holds none of our tables")
        yield Finding("database", what, where, N_("restore a backup; for a new workspace, run `fleet init` in another directory"))
    elif found.is_newer:
        what = N_("this workspace was written by a newer version of fleet (schema {revision})", revision=found.revision)
        yield Finding("database", what, where, N_("use that version"))
    elif found.revision != health.HEAD:
        what = N_("the schema is {revision}, this version's is {head}", revision=found.revision, head=health.HEAD)
        yield Finding(
            "database", what, where, N_("back it up; the next command brings it up to date, for example `fleet status`"), Level.NOTE
        )
    if found.journal_mode not in {None, "wal"} and not is_read_only(settings.workspace):  # where nobody writes, it is opened without a log
        what = N_("the database is in journal mode {mode}, not WAL", mode=found.journal_mode)
        yield Finding("database", what, where, N_("it returns to WAL with the next command; keep the workspace off network file systems"))
    if found.log_bytes > _LARGE_LOG:
        what = N_("its write-ahead log has {size} MB", size=found.log_bytes // 1_000_000)
        yield Finding("database", what, where, N_("end what keeps it open: `fuser {file}`", file=found.log_file), Level.NOTE)


def check_events(snapshot: Snapshot, head: list[tuple[int, str]]) -> Iterator[Finding]:
    """The chain of events holds; its head goes into `head`."""
    count, last, problems = check_chain(snapshot)
    if not problems:
        head.append((count, last))
    for problem in problems:
        yield Finding("events", problem, N_("the record of events"), N_("run `fleet audit verify`; then restore a backup"))


def check_orchestrator(snapshot: Snapshot, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Somebody runs a rollout that is not over."""
    last, newest = read_orchestrator(snapshot), rollouts.newest_rollout(snapshot)
    if last is not None and last.stopped_at is None and last.beat_at > now + _SLACK:
        what = N_("the orchestrator's beat is {seconds} s in the future", seconds=int((last.beat_at - now).total_seconds()))
        yield Finding("orchestrator", what, last.host, N_("the clocks of the two machines differ: set both with NTP"))
    if newest is None or newest.phase in ENDED or (last is not None and last.is_alive(now)):
        return
    if last is None:
        what = N_("rollout {rollout} is unfinished, and no orchestrator has run here yet", rollout=newest.id)
    else:
        since = (last.stopped_at or last.beat_at).astimezone(settings.zone)
        what = N_(
            "rollout {rollout} is unfinished, and no orchestrator has run since {time}",
            rollout=newest.id,
            time=f"{since:%Y-%m-%d %H:%M:%S}",
        )
    yield Finding("orchestrator", what, str(settings.workspace), N_("fleet run"))


def check_leases(snapshot: Snapshot, now: datetime) -> Iterator[Finding]:
    """No shard is out with a worker that has gone silent."""
    newest = rollouts.newest_rollout(snapshot)
    if newest is None:
        return
    out = [shard for shard in shards.open_shards(snapshot, newest.id) if shard.state in {ShardState.RUNNING, ShardState.DISPATCHED}]
    stale = [shard for shard in out if shard.beat_at is None or now - shard.beat_at > _STALE_AFTER]
    if stale:
        first = stale[0]
        what = N_(
            "{count} {count:shard is held by a worker that has|shards are held by workers that have} gone silent, {owner} first",
            count=len(stale),
            owner=first.owner or str(first.id),
        )
        yield Finding(
            "leases",
            what,
            N_("rollout {rollout}", rollout=newest.id),
            N_("`fleet run` takes them up again; what they were at is asked for"),
        )


def check_host_keys(snapshot: Snapshot) -> Iterator[Finding]:
    """Every terminal that is pushed to has a host key that somebody confirmed."""
    known = trust.read_host_keys(snapshot)
    unseen, waiting, changed = [], [], []
    for name, terminal in fleets.read_fleet(snapshot).terminals.items():
        key = known.get(name)
        if terminal.reach is not Reach.SSH or (key is not None and key.state is HostKeyState.CONFIRMED):
            continue
        if key is not None and key.state is HostKeyState.CHANGED:
            changed.append(name)
        elif key is not None:
            waiting.append(name)
        elif terminal.host_key is None:
            unseen.append(name)
    for names, what, mend in (
        (
            changed,
            N_("{count} {count:terminal shows|terminals show} another host key than the confirmed one, {first} first"),
            N_("find out why: `fleet hosts show --waiting`"),
        ),
        (
            waiting,
            N_("{count} {count:host key waits|host keys wait} to be confirmed, that of {first} first"),
            N_("compare and confirm: `fleet hosts show --waiting`, `fleet hosts confirm`"),
        ),
        (
            unseen,
            N_("the {count:host key|host keys} of {count} {count:terminal was|terminals were} never seen, {first} first"),
            N_("fleet hosts scan"),
        ),
    ):
        if names:
            yield Finding("host-keys", Message(what.text, {"count": len(names), "first": names[0]}), names[0], mend)
