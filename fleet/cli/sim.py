"""`fleet sim`: simulated terminals to try everything on."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fleet.cli.common import current_door, print_table, say, show
from fleet.errors import ConflictError, FleetError, InputError, system_words
from fleet.text import N_, _

if TYPE_CHECKING:
    from fleet.sim.faults import Fault
    from fleet.sim.simulation import Simulation

app = typer.Typer()


@app.command("up", help=_("Start simulated terminals, write the inventory that reaches them, and keep them up until interrupted."))
def up(
    *,
    inventory_out: str = typer.Option(..., metavar="DIR", help=_("Directory the inventory's CSV files are written to.")),
    sites: int = typer.Option(20, min=1, metavar="N", help=_("Sites of the sample city.")),
    seed: int = typer.Option(1, metavar="S", help=_("Decides host keys and faults.")),
    faults: float = typer.Option(0.0, metavar="PCT", help=_("Percent of the terminals that get a fault.")),
    directory: Path | None = typer.Option(
        None, "--dir", metavar="SCRATCH", help=_("Keep what is on the terminals' disks here; without it they are new each time.")
    ),
    user_key: Path | None = typer.Option(
        None, metavar="FILE", help=_("Public key that the terminals accept; without it the workspace's own.")
    ),
    host_keys: bool = typer.Option(
        True, help=_("Write the terminals' host key fingerprints into the inventory; without them, scan and confirm.")
    ),
    as_json: bool = typer.Option(False, "--json", help=_("Say where they are in one line of JSON.")),
) -> None:
    from contextlib import ExitStack
    from tempfile import TemporaryDirectory

    from fleet.cli.common import os_user
    from fleet.demo.sample import sample_city
    from fleet.inventory import write_fleet
    from fleet.sim.faults import plant_faults
    from fleet.sim.inventory import reaching, run_by
    from fleet.sim.simulation import start_simulation

    if not 0 <= faults <= 100:  # nan is neither
        raise InputError(N_("--faults must be a number from 0 to 100"))
    inventory = _room_for_inventory(inventory_out)
    fleet, person = run_by(sample_city(sites), os_user())
    key_file = user_key or _workspaces_public_key()
    public_key = _read_public_key(key_file)
    planted = plant_faults(fleet.terminals.values(), faults, seed)
    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, signal.default_int_handler))
        scratch = directory or Path(stack.enter_context(TemporaryDirectory(prefix="fleet-sim-")))
        terminals = list(fleet.terminals.values())
        simulation = stack.enter_context(start_simulation(terminals, planted, scratch, public_key, seed))
        write_fleet(reaching(fleet, simulation, vouched=host_keys), inventory)
        try:
            if as_json:
                _show_json(simulation, planted, inventory)
            else:
                if person is not None:
                    say(_("In this inventory you are {name} ({code}).", name=person.name, code=person.code))
                _show_words(simulation, planted, inventory, key_file.with_suffix(""))
            simulation.wait()
        except KeyboardInterrupt:
            say(_("The simulated terminals are ended."))
        else:
            raise FleetError(N_("the simulated terminals ended by themselves"), where=str(simulation.log))


def _room_for_inventory(out: str) -> Path:
    """The directory the inventory goes to; one that holds an inventory already is left as it is."""
    from fleet.inventory.read import inventory_files

    directory = Path(out)
    if directory.resolve().is_relative_to(current_door().workspace.resolve()):
        what = N_("this is in the workspace, which holds only what the program keeps")
        raise InputError(what, where=out, hint=N_("name a directory outside it"))
    hint = N_("name a new directory in one that is there, for example `sim-inventory`")
    try:
        if not out or (directory.exists() and not directory.is_dir()):
            raise InputError(N_("--inventory-out needs a directory"), where=out or None, hint=hint)
        if not directory.exists() and not directory.parent.is_dir():
            raise InputError(N_("the directory above it is not there"), where=out, hint=hint)
        taken = inventory_files(directory) if directory.exists() else []
    except OSError as error:
        raise InputError(N_("the directory cannot be used: {reason}", reason=system_words(error)), where=out) from None
    if taken:
        raise ConflictError(
            N_("the directory holds an inventory already: {file}", file=taken[0].name),
            where=out,
            hint=N_("name another directory, or remove its files first"),
        )
    return directory


def _workspaces_public_key() -> Path:
    private = current_door().settings.user_key
    return private.with_name(f"{private.name}.pub")


def _read_public_key(file: Path) -> str:
    hint = N_("run `fleet init` first, or name a public key with --user-key")
    try:
        return file.read_text("utf-8").strip()
    except FileNotFoundError:
        raise InputError(N_("there is no user key for the terminals to accept"), where=str(file), hint=hint) from None
    except UnicodeDecodeError:
        raise InputError(N_("the file holds no SSH public key"), where=str(file), hint=hint) from None


def _show_json(simulation: "Simulation", faults: "Mapping[str, Fault]", inventory: Path) -> None:
    import json

    terminals = {
        id_: {"host": address.host, "port": address.port, "host_key": simulation.fingerprints[id_], "fault": faults.get(id_)}
        for id_, address in simulation.addresses.items()
    }
    _show_now(json.dumps({"ready": True, "inventory": str(inventory), "terminals": terminals}))


def _show_words(simulation: "Simulation", faults: "Mapping[str, Fault]", inventory: Path, key: Path) -> None:
    if faults:
        rows = [(id_, f"{simulation.addresses[id_].host}:{simulation.addresses[id_].port}", fault) for id_, fault in faults.items()]
        print_table([_("terminal"), _("address"), _("fault")], rows)
    count = len(simulation.addresses)
    first = next((address for id_, address in simulation.addresses.items() if id_ not in faults), None)
    if first is not None:
        show(_("Reach one by hand: {command}", command=f"ssh -i {key} -p {first.port} terminal@{first.host}"))
    show(_("The inventory that reaches them: {directory}", directory=inventory))
    ready = _(
        "Ready: {count} simulated {count:terminal|terminals}. Ctrl-C ends {count:it|them}; in the background, `kill {pid}` does.",
        count=count,
        pid=os.getpid(),
    )
    _show_now(ready)


def _show_now(text: str) -> None:
    """Show a line that somebody waits for."""
    show(text)
    sys.stdout.flush()
