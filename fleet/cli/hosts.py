"""`fleet hosts`: collect the terminals' host keys, look at them, and confirm them. An unconfirmed one is never pushed to."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from fleet.cli.common import current_door, print_json, print_table, say, show
from fleet.errors import InputError
from fleet.text import N_, Message, _, render

if TYPE_CHECKING:
    from fleet.model.inventory import Fleet, Terminal
    from fleet.model.trust import HostKey, HostKeyState
    from fleet.push import ScanResult

app = typer.Typer()

_PARALLEL = 32
_SHOWN_TROUBLES = 20


@app.command(
    "scan",
    help=_(
        "Ask terminals for their host keys, without signing in. What is new waits for `fleet hosts confirm`. Ends with 1 where some did not answer."
    ),
)
def scan(
    select: str = typer.Option("", metavar="EXPR", help=_("Only the terminals this selects.")),
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON.")),
) -> int:
    from datetime import UTC, datetime

    from fleet.control.hosts import record_scan
    from fleet.control.rights import Right, require

    door = current_door()
    store = door.open_store()
    actor = door.actor(store)
    with store.read() as snapshot:
        require(snapshot, actor, Right.TRUST)
    terminals = _reached(_selected(_fleet(), select))
    results = dict(_ask(terminals))
    seen = {id_: result.fingerprint for id_, result in results.items() if result.fingerprint}
    counts = record_scan(store, actor, datetime.now(UTC), seen)
    silent = {id_: result for id_, result in results.items() if not result.fingerprint}
    if as_json:
        causes = {id_: result.cause for id_, result in silent.items()}
        details = {id_: result.detail for id_, result in silent.items() if result.detail}
        print_json({"asked": len(results), "states": counts, "unanswered": causes, "details": details})
    else:
        _show_scan(len(results), counts, silent)
    if silent:
        say(_("NOT answered: {count} of {all} {all:terminal|terminals}. Ask again: fleet hosts scan", count=len(silent), all=len(results)))
    return 1 if silent else 0


@app.command("show", help=_("Show the host keys, and which ones wait for a person."))
def show_keys(
    select: str = typer.Option("", metavar="EXPR", help=_("Only the terminals this selects.")),
    waiting: bool = typer.Option(False, help=_("Only those that are not confirmed.")),
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON.")),
) -> None:
    from fleet.model.trust import HostKeyState

    terminals = _reached(_selected(_fleet(), select))
    keys = _known(terminals)
    rows = [(terminal, keys.get(terminal.id)) for terminal in terminals]
    rows = [(terminal, key) for terminal, key in rows if not waiting or key is None or key.state is not HostKeyState.CONFIRMED]
    if as_json:
        print_json([key.model_dump(mode="json") if key else {"terminal": terminal.id, "state": None} for terminal, key in rows])
        return
    print_table(
        [_("terminal"), _("state"), _("fingerprint"), _("shown now"), _("confirmed by")],
        [
            (
                terminal.id,
                render(_state_words(key.state if key else None)),
                key.fingerprint if key else "",
                (key.seen_fingerprint or "") if key else "",
                (key.confirmed_by or "") if key else "",
            )
            for terminal, key in rows
        ],
    )


@app.command("confirm", help=_("Trust the host keys that a scan saw. Compare their fingerprints with the terminals' own first."))
def confirm(
    terminals: list[str] = typer.Argument(
        None, metavar="TERMINAL...", help=_("Terminals as SITE/TERMINAL; a key that has changed is confirmed only so.")
    ),
    select: str = typer.Option("", metavar="EXPR", help=_("The terminals this selects, without those whose key has changed.")),
    everything: bool = typer.Option(
        False, "--all", help=_("Every terminal whose key was seen and has not changed since it was confirmed.")
    ),
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON.")),
) -> None:
    from datetime import UTC, datetime

    from fleet.control.hosts import confirm as confirm_keys

    door = current_door()
    store = door.open_store()
    actor = door.actor(store)
    meant, unseen = _meant(terminals or [], select, everything=everything)
    confirmed, changed = confirm_keys(store, actor, datetime.now(UTC), meant, changed_too=bool(terminals))
    if changed:
        _say_changed(changed)
    if as_json:
        print_json([key.model_dump(mode="json") for key in confirmed])
        return
    show(_("Host keys confirmed by {person}: {count}", count=len(confirmed), person=actor.code))
    if unseen:
        names = " ".join(unseen[:_SHOWN_TROUBLES])
        say(
            _(
                "No host key was ever seen of {count} {count:terminal|terminals}; run `fleet hosts scan`: {terminals}",
                count=len(unseen),
                terminals=names,
            )
        )


def _say_changed(changed: Sequence[str]) -> None:
    names = " ".join(changed[:_SHOWN_TROUBLES]) + (" ..." if len(changed) > _SHOWN_TROUBLES else "")
    say(_("Not confirmed, because they differ from the keys confirmed before: {count} ({terminals})", count=len(changed), terminals=names))
    hint = N_(
        "find out why each changed, compare (`fleet hosts show --waiting`), then name it: `fleet hosts confirm {first}`", first=changed[0]
    )
    say(_("hint: {hint}", hint=hint))


def _meant(terminals: Sequence[str], select: str, *, everything: bool) -> tuple[list[str], list[str]]:
    """Ids of the terminals a person named, in exactly one of the three ways; and of those among them whose key was never seen."""
    if sum((bool(terminals), bool(select), everything)) != 1:
        raise InputError(N_("say whose keys to confirm"), hint=N_("name terminals, or give --select EXPR, or --all"))
    fleet = _fleet()
    if terminals:
        from fleet.files import did_you_mean

        unknown = next((id_ for id_ in terminals if id_ not in fleet.terminals), None)
        if unknown is not None:
            raise InputError(N_("there is no terminal `{terminal}`", terminal=unknown), hint=did_you_mean(unknown, fleet.terminals))
        return list(dict.fromkeys(terminals)), []
    chosen = _selected(fleet, select)
    seen = _known(chosen)
    if not seen:
        raise InputError(N_("no host key was seen of these terminals"), hint=N_("run `fleet hosts scan` first"))
    return list(seen), [terminal.id for terminal in _reached(chosen) if terminal.id not in seen]


def _fleet() -> "Fleet":
    from fleet.store import fleets

    with current_door().open_store().read() as snapshot:
        fleet = fleets.read_fleet(snapshot)
    if not fleet.terminals:
        raise InputError(N_("the inventory is empty"), hint=N_("run `fleet inventory import PATH --apply` first"))
    return fleet


def _selected(fleet: "Fleet", select: str) -> "list[Terminal]":
    from fleet.select import parse_inventory_selection, subject_of

    labels = {key for terminal in fleet.terminals.values() for key in terminal.labels} | {
        key for site in fleet.sites.values() for key in site.labels
    }
    selection = parse_inventory_selection(select, labels)
    chosen = [
        terminal for terminal in fleet.terminals.values() if selection.matches(subject_of(terminal, fleet.sites[terminal.site], fleet))
    ]
    if not chosen:
        raise InputError(N_("`{select}` selects no terminal", select=select), hint=N_("see what there is with `fleet inventory show`"))
    return chosen


def _reached(terminals: "Sequence[Terminal]") -> "list[Terminal]":
    from fleet.model.inventory import Reach

    return [terminal for terminal in terminals if terminal.reach is Reach.SSH]


def _known(terminals: "Sequence[Terminal]") -> "dict[str, HostKey]":
    from fleet.store import trust

    with current_door().open_store().read() as snapshot:
        return trust.read_host_keys(snapshot, [terminal.id for terminal in terminals])


def _ask(terminals: "Sequence[Terminal]") -> "Iterator[tuple[str, ScanResult]]":
    """Scan a few at a time, and say how far it is."""
    from concurrent.futures import ThreadPoolExecutor

    from fleet.push import gate_of, load_user_key, scan_host_key

    settings = current_door().settings
    # For the gateways, which an ssh_config may name for any terminal; the terminals are not signed in to.
    is_behind = settings.ssh_config is not None or any(terminal.gateway for terminal in terminals)
    keys = load_user_key(settings.user_key) if is_behind else None
    gate = gate_of(settings)
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="scan") as pool:
        answers = pool.map(lambda terminal: scan_host_key(terminal, settings.ssh_config, keys, gate), terminals)
        for number, (terminal, result) in enumerate(zip(terminals, answers, strict=True), 1):
            if number % 100 == 0 or (number == len(terminals) and number > 100):
                say(_("{number} of {all} {all:terminal|terminals} asked", number=number, all=len(terminals)))
            yield terminal.id, result


def _show_scan(asked: int, counts: "Mapping[HostKeyState, int]", silent: "Mapping[str, ScanResult]") -> None:
    from fleet.model.attempt import cause_words
    from fleet.model.trust import HostKeyState

    show(_("Terminals asked: {count}", count=asked))
    for state in HostKeyState:
        if counts.get(state):
            show(f"{counts[state]:>6}  {render(_state_words(state))}")
    for cause, count in Counter(result.cause for result in silent.values()).most_common():
        show(f"{count:>6}  {render(cause_words(cause))}")
    if silent:
        print_table(
            [_("terminal"), _("why"), _("detail")],
            [(id_, render(cause_words(result.cause)), result.detail) for id_, result in list(silent.items())[:_SHOWN_TROUBLES]],
        )
    if counts.get(HostKeyState.SCANNED) or counts.get(HostKeyState.CHANGED):
        say(
            _(
                "hint: {hint}",
                hint=_(
                    "compare with the terminals' own fingerprints (`fleet hosts show --waiting`), then run `fleet hosts confirm TERMINAL...`"
                ),
            )
        )


def _state_words(state: "HostKeyState | None") -> Message:
    from fleet.model.trust import HostKeyState

    words = {
        None: N_("never seen"),
        HostKeyState.SCANNED: N_("waits for a person"),
        HostKeyState.CONFIRMED: N_("confirmed"),
        HostKeyState.CHANGED: N_("changed; nothing is sent there"),
    }
    return words[state]
