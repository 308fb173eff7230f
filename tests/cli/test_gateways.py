"""`fleet hosts scan`: what it says of terminals behind a gateway that cannot be passed."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleet.cli.common import os_user
from fleet.settings import Settings
from fleet.store import open_store
from tests.conftest import Cli
from tests.engine.city import make_fleet, set_up


@pytest.fixture
def behind(cli: Cli, tmp_path: Path) -> Cli:
    """The command line in a workspace whose one terminal is behind a gateway that has no address."""
    cli("init")
    store = open_store(Settings(workspace=tmp_path / "workspace"))
    fleet = make_fleet(1)
    terminals = {name: terminal.model_copy(update={"gateway": "county.invalid"}) for name, terminal in fleet.terminals.items()}
    people = {**fleet.people, "c01": fleet.people["c01"].model_copy(update={"os_user": os_user()})}
    set_up(store, fleet.model_copy(update={"terminals": terminals, "people": people}))
    store.close()
    return cli


def test_a_scan_says_which_gateway_it_was_and_what_is_wrong_with_it(behind: Cli) -> None:
    said, data = behind("hosts", "scan"), json.loads(behind("hosts", "scan", "--json").out)

    assert said.code == 1
    assert "the gateway's name is unknown" in said.out
    assert "county.invalid: name-unknown" in said.out
    assert data["unanswered"] == {"s000/t1": "gateway-name-unknown"}
    assert data["details"]["s000/t1"].startswith("county.invalid: name-unknown")


def test_a_key_that_no_gateway_can_be_signed_in_with_is_named_before_anybody_is_asked(behind: Cli, tmp_path: Path) -> None:
    key = tmp_path / "rsa"
    private = generate_private_key(65537, 2048)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    key.chmod(0o600)
    (tmp_path / "workspace" / "fleet.toml").write_text(f'key_file = "{key}"\n')

    scanned = behind("hosts", "scan")

    assert (scanned.code, scanned.out) == (2, "")
    assert "this user key cannot be used" in scanned.err
    assert str(key) in scanned.err
