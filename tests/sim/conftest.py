"""A simulation with two terminals of every fault, and the user key that its terminals accept."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleet.model.inventory import Reach, Terminal
from fleet.sim.faults import Fault
from fleet.sim.simulation import Simulation, start_simulation


@pytest.fixture(scope="session")
def user_pem() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


@pytest.fixture(scope="session")
def user_key(user_pem: str) -> paramiko.PKey:
    return paramiko.Ed25519Key.from_private_key(StringIO(user_pem))


@pytest.fixture(scope="session")
def public_line(user_key: paramiko.PKey) -> str:
    return f"{user_key.get_name()} {user_key.get_base64()}"


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulation")


@pytest.fixture(scope="session")
def simulation(public_line: str, scratch: Path) -> Iterator[Simulation]:
    """`FAULT/t1` and `FAULT/t2` for each fault, `sound/t1` and `sound/t2`, and `by-hand/t1`, which no server stands for."""
    faults = {f"{fault}/{code}": fault for fault in Fault for code in ("t1", "t2")}
    sites = [*Fault, "sound"]
    terminals = [Terminal(site=site, code=code, host="replaced.invalid") for site in sites for code in ("t1", "t2")]
    by_hand = Terminal(site="by-hand", code="t1", reach=Reach.BY_HAND)
    with start_simulation([*terminals, by_hand], faults, scratch, public_line, seed=7) as running:
        yield running
