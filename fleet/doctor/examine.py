"""Goes through every check, from the directory to the people, as far as the workspace is there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from fleet.doctor import leases, machine, people, record, releases, workspace
from fleet.doctor.finding import Finding, Level, of_error
from fleet.errors import FleetError, system_words
from fleet.settings import Settings, load_settings
from fleet.store import Snapshot, Store, open_store
from fleet.text import N_


@dataclass(frozen=True, slots=True)
class Report:
    """What all checks found."""

    findings: tuple[Finding, ...]
    checked: int
    """How many checks were made."""
    head: tuple[int, str] | None = None
    """Seq and hash of the last event, where the record could be read: worth noting on paper."""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong; there may be notes."""
        return not any(finding.level is Level.WRONG for finding in self.findings)


class _Round:
    """The checks that were made, and what they found."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.checked = 0

    def make(self, check: str, where: str, look: Callable[[], Iterator[Finding]]) -> bool:
        """Make one check; whether it found nothing wrong. Whatever it breaks down with is what it found."""
        self.checked += 1
        before = len(self.findings)
        try:
            self.findings.extend(look())
        except FleetError as error:
            self.findings.append(of_error(check, error, where, N_("mend what it says, then run `fleet doctor` again")))
        except OSError as error:
            what = N_("the system refused: {reason}", reason=system_words(error))
            self.findings.append(Finding(check, what, where, N_("see that its disk is well and its permissions are yours")))
        except Exception as error:  # noqa: BLE001 - a check of what is broken may break in any way
            what = N_("this could not be looked at: {reason}", reason=f"{type(error).__name__}: {error}"[:200])
            self.findings.append(
                Finding(check, what, where, N_("restore a backup (docs/operations.md, Backups), or send this with a report"))
            )
        return all(finding.level is not Level.WRONG for finding in self.findings[before:])


def examine(directory: Path, now: datetime, load_user_key: Callable[[Path], object]) -> Report:
    """Look at the workspace in `directory`.

    Args:
        directory: The workspace.
        now: The time.
        load_user_key: Raises an InputError where the key in a file cannot be used for pushes.
    """
    made = _Round()
    place = str(directory)
    made.make("python", "Python", machine.check_versions)
    made.make("open-files", "RLIMIT_NOFILE", machine.check_open_files)
    made.make("workspace", place, lambda: workspace.check_directory(directory))
    if not workspace.is_open(directory):
        return Report(tuple(made.findings), made.checked)
    made.make("disk", place, lambda: workspace.check_disk(directory))
    found: list[Settings] = []
    if not made.make("settings", place, lambda: _settings(directory, found)):
        return Report(tuple(made.findings), made.checked)
    settings = found[0]
    made.make("user-key", str(settings.user_key), lambda: workspace.check_user_key(settings, load_user_key))
    made.make("release-key", str(settings.release_key), lambda: workspace.check_release_key(settings))
    if not made.make("database", settings.url, lambda: record.check_database(settings)):
        return Report(tuple(made.findings), made.checked)
    head: list[tuple[int, str]] = []
    made.make("record", settings.url, lambda: _stored(made, settings, now, head))
    return Report(tuple(made.findings), made.checked, head[0] if head else None)


def _settings(directory: Path, found: list[Settings]) -> Iterator[Finding]:
    """A file that cannot be read is what `load_settings` says."""
    found.append(load_settings(directory))
    yield from ()


def _stored(made: _Round, settings: Settings, now: datetime, head: list[tuple[int, str]]) -> Iterator[Finding]:
    """Every check that reads the store, each in its own view of it."""
    store = open_store(settings)
    try:
        checks: tuple[tuple[str, Callable[[Snapshot], Iterator[Finding]]], ...] = (
            ("events", lambda snapshot: record.check_events(snapshot, head)),
            ("orchestrator", lambda snapshot: record.check_orchestrator(snapshot, settings, now)),
            ("leases", lambda snapshot: record.check_leases(snapshot, now)),
            ("site-leases", lambda snapshot: leases.check_site_leases(snapshot, settings, now)),
            ("clocks", lambda snapshot: machine.check_clocks(snapshot, now)),
            ("host-keys", record.check_host_keys),
            ("releases", lambda snapshot: releases.check_files(snapshot, settings)),
            ("signatures", lambda snapshot: releases.check_signatures(snapshot, settings, now)),
            ("people", people.check_people),
        )
        for check, look in checks:
            made.make(check, settings.url, partial(_in_one_view, store, look))
    finally:
        store.close()
    yield from ()


def _in_one_view(store: Store, look: Callable[[Snapshot], Iterator[Finding]]) -> Iterator[Finding]:
    with store.read() as snapshot:
        yield from list(look(snapshot))
