"""The tables. A noun's columns have its fields' names; times are UTC text that sorts, structures are JSON."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from fleet.store.columns import ADDED, UtcTime

_CONSTRAINTS = {"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
metadata = MetaData(naming_convention=_CONSTRAINTS)


def _code(name: str = "code", **options: Any) -> Column[str]:
    return Column(name, String(80), **options)


district = Table(
    "district",
    metadata,
    _code(primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    _code("parent"),
    Column("position", Integer, nullable=False),
)

site = Table(
    "site",
    metadata,
    _code(primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    _code("district", nullable=False),
    Column("address", Text, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("contact", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("opening_hours", Text, nullable=False),
    Column("open_24h", Boolean, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("position", Integer, nullable=False),
)

terminal = Table(
    "terminal",
    metadata,
    Column("id", String(80), primary_key=True),
    _code("site", nullable=False, index=True),
    _code(nullable=False),
    Column("host", Text),
    Column("port", Integer, nullable=False),
    Column("user", Text),
    Column("gateway", Text),
    _code("key_card", unique=True),
    Column("host_key", Text),
    Column("reach", String(16), nullable=False),
    Column("labels", JSON, nullable=False),
    Column("position", Integer, nullable=False),
)

person = Table(
    "person",
    metadata,
    _code(primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("os_user", Text, unique=True),
    _code("district"),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("skills", JSON, nullable=False),
    Column("phone", Text, nullable=False),
    Column("position", Integer, nullable=False),
)

host_key = Table(
    "host_key",
    metadata,
    Column("terminal", String(80), primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("seen_fingerprint", Text),
    Column("seen_at", UtcTime, nullable=False),
    _code("confirmed_by"),
    Column("confirmed_at", UtcTime),
)

key_binding = Table(
    "key_binding",
    metadata,
    Column("terminal", String(80), primary_key=True),
    _code("key_card", unique=True),
    Column("source", String(16), nullable=False),
    Column("key_id", String(200), nullable=False, unique=True),
    Column("public_key", Text, nullable=False),
    Column("check_value", Text, nullable=False),
    Column("host_fingerprint", String(80), nullable=False, unique=True),
    Column("bound_at", UtcTime, nullable=False),
    Column("release", String(32), info=ADDED),
    Column("set_aside_at", UtcTime, info=ADDED),
)

release = Table(
    "release",
    metadata,
    Column("version", String(32), primary_key=True),
    Column("artifacts", JSON, nullable=False),
    Column("notes", Text, nullable=False),
    Column("added_at", UtcTime),
    _code("added_by"),
)

release_signature = Table(
    "release_signature",
    metadata,
    Column("version", String(32), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("key", Text, nullable=False),
    Column("not_before", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("proofs", JSON, nullable=False),
    Column("signed_at", UtcTime, nullable=False),
    _code("signed_by", nullable=False),
)

downgrade_permit = Table(
    "downgrade_permit",
    metadata,
    Column("version", String(32), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("from_version", String(32), nullable=False),
    Column("from_number", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("not_before", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("proof", JSON, nullable=False),
    Column("signed_at", UtcTime, nullable=False),
    _code("signed_by", nullable=False),
)

plan = Table(
    "plan",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("text", Text, nullable=False),
)

rollout = Table(
    "rollout",
    metadata,
    _code("id", primary_key=True),
    Column("plan_digest", String(64), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("waves", JSON, nullable=False),
    Column("seen_decision", Integer, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("done_when", JSON, nullable=False),
    Column("number", Integer, nullable=False, unique=True),
    Column("only", String(16), info=ADDED),
    Column("site_rate", BigInteger, info=ADDED),
    Column("total_rate", BigInteger, info=ADDED),
    Column("past_return_at", UtcTime, info=ADDED),
    _code("past_return_by", info=ADDED),
    Column("late_of", String(64), info=ADDED, index=True),
)

decision = Table(
    "decision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _code("rollout", nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("wave", Integer),
    Column("terminals", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    _code("actor", nullable=False),
    _code("on_behalf"),
    Column("at", UtcTime, nullable=False),
    Column("refused", Text, info=ADDED),
    Column("plan_digest", String(64), info=ADDED),
    _code("asked_by", info=ADDED),
)

shard = Table(
    "shard",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _code("rollout", nullable=False),
    Column("wave", Integer, nullable=False),
    _code("district", nullable=False),
    Column("sites", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", Text),
    Column("beat_at", UtcTime),
    Column("grant_parallel", Integer, nullable=False),
    Column("grant_failures", Integer, nullable=False),
    Column("open", Integer, nullable=False),
    Column("opens_at", UtcTime, info=ADDED),
    Column("limits", JSON(none_as_null=True)),
    Column("down", Integer),
    Index(None, "rollout", "wave", "state"),
)

late_joiner = Table(
    "late_joiner",
    metadata,
    Column("plan", String(64), primary_key=True),
    Column("terminal", String(80), primary_key=True),
    _code("site", nullable=False),
    Column("is_new_site", Boolean, nullable=False),
    _code("rollout"),
)

site_lease = Table(
    "site_lease",
    metadata,
    _code("site", primary_key=True),
    _code("owner", nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("token", String(64), nullable=False, index=True),
    Column("taken_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
)
"""Who has a site now; a hold on the work, no fact, so no event vouches for it."""

terminal_progress = Table(
    "terminal_progress",
    metadata,
    _code("rollout", primary_key=True),
    Column("terminal", String(80), primary_key=True),
    _code("site", nullable=False),
    Column("wave", Integer, nullable=False),
    _code("district", nullable=False),
    Column("reach", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", Text, nullable=False),
    Column("cause", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("updated_at", UtcTime),
    Column("errand", String(16), info=ADDED),
    Column("down", Boolean, info=ADDED),
    Column("due_at", UtcTime, info=ADDED),
    Column("tries", Integer, info=ADDED),
    Column("unreachable_since", UtcTime, info=ADDED),
    Column("fingerprint", String(16), info=ADDED),
    Index(None, "rollout", "site"),
    Index(None, "rollout", "state"),
    Index(None, "rollout", "fingerprint"),
)

attempt = Table(
    "attempt",
    metadata,
    _code("rollout", primary_key=True),
    Column("terminal", String(80), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("ending", String(16), nullable=False),
    Column("in_place", Boolean, nullable=False),
    Column("step", Text, nullable=False),
    Column("cause", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("steps", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("key", JSON),
    Column("host_fingerprint", Text, nullable=False),
    Column("bytes_sent", Integer, nullable=False),
    Column("bytes_saved", Integer, nullable=False),
    Column("log", JSON, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime, nullable=False),
    Column("errand", String(16), info=ADDED),
    Column("interrupted", Boolean, info=ADDED),
    Column("fingerprint", String(16), info=ADDED),
    Column("may_still_tell", Boolean, info=ADDED),
    Index(None, "rollout", "finished_at"),
)

site_progress = Table(
    "site_progress",
    metadata,
    _code("rollout", primary_key=True),
    _code("site", primary_key=True),
    _code("district", nullable=False),
    Column("kind", String(16), nullable=False),
    Column("wave", Integer, nullable=False),
    Column("terminals", Integer, nullable=False),
    Column("proven", Integer, nullable=False),
    Column("state", String(24), nullable=False),
    Column("claimed", Boolean, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("done_at", UtcTime),
    Column("cause", String(32), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("updated_at", UtcTime),
    Column("down", Boolean, info=ADDED),
    Column("limits", Text, info=ADDED),
    Index(None, "rollout", "seq"),
)

tally = Table(
    "tally",
    metadata,
    _code("rollout", primary_key=True),
    Column("unit", String(16), primary_key=True),
    Column("wave", Integer, primary_key=True),
    _code("district", primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("state", String(24), primary_key=True),
    Column("n", Integer, nullable=False),
)
"""Counters kept by the writer, never counted per poll.

unit `site`: SiteState, and `claimed`, `done` beside it; units `ssh` and `by-hand`: TerminalState of the terminals reached that way;
unit `not-reached`: of those that have not started, by Cause, the ones that no window will let start any more;
unit `cause`: why sites ended badly, those that ended unknown left out; unit `down`: sites that are down, by limit (in `kind`), in all waves (0).
"""

failure_tally = Table(
    "failure_tally",
    metadata,
    _code("rollout", primary_key=True),
    Column("fingerprint", String(16), primary_key=True),
    _code("district", primary_key=True),
    Column("terminals", Integer, nullable=False),
    Column("sites", Integer, nullable=False),
)
"""Terminals that stand badly now by what went wrong, and the sites they are at; kept by the writer like `tally`."""

assignment = Table(
    "assignment",
    metadata,
    _code("site", primary_key=True),
    _code("technician", nullable=False, index=True),
    Column("covering", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("distance_km", Float),
    _code("by"),
    Column("at", UtcTime),
)

check_in = Table(
    "check_in",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _code("rollout", nullable=False),
    _code("site", nullable=False, index=True),
    _code("technician", nullable=False),
    Column("kind", String(16), nullable=False),
    Column("self_tests", JSON, nullable=False),
    Column("note", Text, nullable=False),
    _code("actor", nullable=False),
    Column("at", UtcTime, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject", String(80), nullable=False, index=True),
    _code("actor", nullable=False),
    _code("on_behalf"),
    Column("body", JSON, nullable=False),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("prev"),
)

orchestrator = Table(
    "orchestrator",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("pid", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("token", String(32), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("beat_at", UtcTime, nullable=False),
    Column("stopped_at", UtcTime),
)
"""The one orchestrator of this workspace, or the last one there was."""
