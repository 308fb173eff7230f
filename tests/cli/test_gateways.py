"""`fleet hosts scan`: what it says of terminals behind a gateway that cannot be passed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleet.model.inventory import Fleet
from fleet.store import Store
from tests.cli.conftest import ours
from tests.conftest import Cli
from tests.engine.city import make_fleet


@pytest.fixture
def behind(cli: Cli, open_with: Callable[[Fleet], Store]) -> Cli:
    """The command line in a workspace whose one terminal is behind a gateway that has no address."""
    fleet = ours(make_fleet(1))
    terminals = {name: terminal.model_copy(update={"gateway": "county.invalid"}) for name, terminal in fleet.terminals.items()}
    open_with(fleet.model_copy(update={"terminals": terminals}))
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
