"""Simulated terminals as a plain client sees them: Paramiko, which shares no code with the servers."""

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import asyncssh
import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleet.sim.scratch import OLD_VERSION
from fleet.sim.simulation import Address, Simulation

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Ran:
    status: int
    out: bytes
    err: bytes
    fingerprint: str


class AcceptAny(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """The tests look at the key themselves."""


def connect(key: paramiko.PKey, address: Address) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(AcceptAny())
    client.connect(
        address.host,
        address.port,
        "anybody",
        pkey=key,
        allow_agent=False,
        look_for_keys=False,
        timeout=TIMEOUT_S,
        banner_timeout=TIMEOUT_S,
        auth_timeout=TIMEOUT_S,
    )
    return client


def run(key: paramiko.PKey, address: Address, command: str, given: bytes = b"") -> Ran:
    with connect(key, address) as client:
        transport = client.get_transport()
        assert transport is not None
        shown = transport.get_remote_server_key().fingerprint
        stdin, stdout, stderr = client.exec_command(command, timeout=TIMEOUT_S)
        with suppress(OSError):  # a program that reads nothing may have ended by now
            if given:
                stdin.write(given)
            stdin.channel.shutdown_write()
        out, err = stdout.read(), stderr.read()
        return Ran(stdout.channel.recv_exit_status(), out, err, shown)


def test_the_real_sh_runs_the_command_in_the_terminals_home(simulation: Simulation, user_key: paramiko.PKey, scratch: Path) -> None:
    ran = run(user_key, simulation.addresses["sound/t1"], 'pwd; echo "$HOME" "$#"; [ -n "$PPID" ] && exit 3')

    home = scratch / "homes" / "sound" / "t1"
    assert (ran.status, ran.err) == (3, b"")
    assert ran.out.decode().splitlines() == [str(home), f"{home} 0"]


def test_input_passes_whole_and_its_end_is_seen(simulation: Simulation, user_key: paramiko.PKey) -> None:
    given = os.urandom(3_000_000)

    ran = run(user_key, simulation.addresses["sound/t1"], "cat; echo end >&2", given)

    assert ran.out == given
    assert ran.err == b"end\n"


def test_input_that_the_program_does_not_read_holds_nothing_up(simulation: Simulation, user_key: paramiko.PKey) -> None:
    ran = run(user_key, simulation.addresses["sound/t1"], "exec <&-; echo done", b"x" * 1000)

    assert ran.out == b"done\n"


def test_a_program_ended_by_a_signal_says_so_as_a_shell_would(simulation: Simulation, user_key: paramiko.PKey) -> None:
    ran = run(user_key, simulation.addresses["sound/t1"], "kill -9 $$")

    assert ran.status == 137


def test_the_old_client_is_installed_and_works(simulation: Simulation, user_key: paramiko.PKey) -> None:
    ran = run(user_key, simulation.addresses["sound/t1"], "cd client/current && bin/client stop && bin/client start && bin/health")

    assert (ran.status, ran.out.decode()) == (0, f"status=ok\nversion={OLD_VERSION}\n")


def test_only_the_user_key_is_let_in(simulation: Simulation) -> None:
    stranger = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()

    with pytest.raises(paramiko.AuthenticationException):
        connect(paramiko.Ed25519Key.from_private_key(StringIO(stranger)), simulation.addresses["sound/t1"])


def test_each_terminal_shows_its_own_host_key_and_it_is_the_announced_one(simulation: Simulation, user_key: paramiko.PKey) -> None:
    shown = [run(user_key, simulation.addresses[f"sound/{code}"], "true").fingerprint for code in ("t1", "t2")]

    assert shown == [simulation.fingerprints["sound/t1"], simulation.fingerprints["sound/t2"]]
    assert len(set(simulation.fingerprints.values())) == len(simulation.fingerprints)


def test_a_terminal_done_by_hand_is_not_simulated(simulation: Simulation) -> None:
    assert "by-hand/t1" not in simulation.addresses
    assert "by-hand/t1" not in simulation.fingerprints


def test_a_refusing_terminal_refuses(simulation: Simulation) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(simulation.addresses["refuses/t1"], TIMEOUT_S)


def test_a_switched_off_terminal_answers_no_connection(simulation: Simulation) -> None:
    with pytest.raises(TimeoutError):
        socket.create_connection(simulation.addresses["switched-off/t1"], 0.3)


def test_a_slow_terminal_does_everything_all_the_same(simulation: Simulation, user_key: paramiko.PKey) -> None:
    given = os.urandom(1000)

    ran = run(user_key, simulation.addresses["slow/t1"], "cat; exit 4", given)

    assert (ran.status, ran.out) == (4, given)


def test_a_full_disk_has_no_room_for_df_to_report(simulation: Simulation, user_key: paramiko.PKey) -> None:
    free = "df -P -k . | awk 'NR == 2 { print $4 }'"

    full, sound = (run(user_key, simulation.addresses[f"{site}/t1"], free) for site in ("disk-full", "sound"))

    assert int(full.out) == 4
    assert int(sound.out) > 4


def test_a_client_of_failing_health_does_not_pass_its_probe(simulation: Simulation, user_key: paramiko.PKey) -> None:
    probe = "cd client/current && bin/health"

    ailing, sound = (run(user_key, simulation.addresses[f"{site}/t1"], probe) for site in ("failing-health", "sound"))

    assert (ailing.status, ailing.out) == (1, b"status=no-answer\n")
    assert sound.status == 0


def test_a_wrong_host_key_is_another_than_the_announced_one(simulation: Simulation, user_key: paramiko.PKey) -> None:
    ran = run(user_key, simulation.addresses["wrong-host-key/t1"], "true")

    assert ran.fingerprint not in simulation.fingerprints.values()


def test_a_dropping_terminal_cuts_the_link_once_the_program_began_and_only_once(simulation: Simulation, user_key: paramiko.PKey) -> None:
    address = simulation.addresses["drops-link/t1"]
    with connect(user_key, address) as client:
        stdin, stdout, _ = client.exec_command("echo begun; read word; echo $word; echo never seen", timeout=TIMEOUT_S)
        begun = stdout.readline()
        stdin.write("word\n")
        rest = stdout.read()
        status = stdout.channel.recv_exit_status()

    assert (begun, rest, status) == ("begun\n", b"", -1)
    assert run(user_key, address, "echo back").out == b"back\n"


def test_what_a_program_detached_runs_on_when_the_link_drops(simulation: Simulation, user_key: paramiko.PKey, scratch: Path) -> None:
    home = scratch / "homes" / "drops-link" / "t2"
    os.mkfifo(home / "gate")
    os.mkfifo(home / "answer")
    detached = "setsid sh -c 'read word <gate; echo $word $word >answer' </dev/null >/dev/null 2>&1 &"
    cut = run(user_key, simulation.addresses["drops-link/t2"], f"{detached} echo begun")

    (home / "gate").write_text("twice\n")

    assert (cut.out, cut.status) == (b"begun\n", -1)
    assert (home / "answer").read_text() == "twice twice\n"


def test_two_hundred_connections_at_once_are_served(simulation: Simulation, user_pem: str) -> None:
    key = asyncssh.import_private_key(user_pem)
    address = simulation.addresses["sound/t2"]

    async def one(everybody: asyncio.Barrier) -> str:
        async with asyncssh.connect(
            address.host, address.port, username="anybody", client_keys=[key], known_hosts=None, config=None, agent_path=None
        ) as connection:
            await everybody.wait()
            return str((await connection.run("echo here")).stdout)

    async def all_at_once() -> list[str]:
        everybody = asyncio.Barrier(200)
        return await asyncio.gather(*(one(everybody) for _ in range(200)))

    assert asyncio.run(all_at_once()) == ["here\n"] * 200


def test_what_ran_on_the_terminals_is_in_the_cpu_time(simulation: Simulation, user_key: paramiko.PKey) -> None:
    before = simulation.cpu_seconds()

    run(user_key, simulation.addresses["sound/t1"], "n=0; while [ $n -lt 200000 ]; do n=$((n + 1)); done")

    assert simulation.cpu_seconds() > before + 0.05
    assert simulation.rss_bytes() > 10_000_000
