"""Host keys of simulated terminals."""

from io import StringIO

import paramiko

from fleet.sim.keys import fingerprint, host_key


def test_the_same_seed_gives_the_same_keys_and_another_seed_others() -> None:
    assert fingerprint(1, "s1/t1") == fingerprint(1, "s1/t1")
    assert len({fingerprint(1, "s1/t1"), fingerprint(2, "s1/t1"), fingerprint(1, "s1/t2")}) == 3


def test_the_fingerprint_is_that_of_the_right_key() -> None:
    right, wrong = (
        paramiko.Ed25519Key.from_private_key(StringIO(host_key(1, "s1/t1", wrong=is_wrong).decode())) for is_wrong in (False, True)
    )

    assert right.fingerprint == fingerprint(1, "s1/t1") != wrong.fingerprint
