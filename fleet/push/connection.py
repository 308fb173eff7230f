"""One SSH connection to one terminal. Fabric opens it, with the ssh_config and the gateways it names; Paramiko carries it.

- Every server on the way is known before anything is sent to it (`host_keys`). Only our user key is offered: no agent, no other key, no password.
- Logins go through a gate (`gate`). One that a server turned away is tried again: at a gateway until the deadline, for it has other guests;
  at a terminal a few times.
- One deadline covers everything (`link`); greeting, login and channel have their own, shorter limits.
- Every failure is a LinkError with a cause. All is closed on every path, the library's thread included.
"""

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import fabric
from paramiko import AuthenticationException, ChannelException, MissingHostKeyPolicy, SSHConfig, SSHConfigDict, SSHException, Transport
from paramiko.ssh_exception import IncompatiblePeer

from fleet.errors import InputError, system_words
from fleet.model.attempt import Cause
from fleet.model.inventory import Terminal
from fleet.push.gate import Gate
from fleet.push.host_keys import HostKeyError, Known, Pinned
from fleet.push.inline import CIPHERS, MACS, InlineTransport, Stranger
from fleet.push.link import Deadline, DroppedError, Link, LinkError, connect
from fleet.push.pacing import Key, Scope
from fleet.push.user_key import UserKey
from fleet.text import N_

GREETING_S = 15.0
LOGIN_S = 20.0
CHANNEL_S = 15.0
KEEPALIVE_S = 15
_JOIN_S = 5.0

_CONNECT_FAILED = 2
_CAUSES_AT_GATEWAY = {
    Cause.NAME_UNKNOWN: Cause.GATEWAY_NAME,
    Cause.HOST_KEY_CHANGED: Cause.GATEWAY_KEY,
    Cause.LOGIN_REFUSED: Cause.GATEWAY_LOGIN,
}
_TERMINAL_TRIES = 5
"""A terminal has no other guests: one that hangs up so often will not have us."""
_FULL = (b"Exceeded MaxStartups", b"Not allowed at this time")
"""What OpenSSH says when it hangs up on who comes too early."""

# The library logs tracebacks of every bad terminal; what happened is in the attempt's result.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to connect to, and as whom."""

    terminal: Terminal
    user: str
    ssh_config: Path | None


@dataclass(frozen=True, slots=True)
class Entry:
    """How a connection waits for its turn."""

    gate: Gate = field(default_factory=Gate)
    """Shared by all connections of the process."""
    district: str = ""
    """The terminal's, where it is known."""
    stop: threading.Event | None = None
    """Set when nobody should wait any longer."""


class TerminalConnection:
    """An authenticated connection to a terminal, inside a `with` block."""

    def __init__(self, target: Target, key: UserKey | None, policy: Pinned, deadline: Deadline, entry: Entry | None = None) -> None:
        """Nothing is opened yet. Without a key only the host key can be looked at; without an entry it waits for nobody."""
        self._target = target
        self._key = key
        self._policy = policy
        self._deadline = deadline
        self._entry = entry or Entry()
        self._hops: list[fabric.Connection] = []
        """The connections on the way, the first gateway first, the terminal last."""
        self._link: Link | None = None

    def __enter__(self) -> Transport:
        """Open every hop.

        Raises:
            LinkError: It cannot be opened; nothing is left open.
            InputError: The ssh_config file cannot be read.
        """
        link = self._open_with_patience()
        link.opened = True
        transport: Transport = self._hops[-1].transport
        transport.set_keepalive(KEEPALIVE_S)
        return transport

    def __exit__(self, *_: object) -> None:
        """Close everything, the library's threads included."""
        self._close()

    def _open_with_patience(self) -> Link:
        """Open every hop, again where a server turned us away."""
        drops = 0
        while True:
            self._hops = _hops(self._target)
            try:
                return self._open_hops()
            except DroppedError as error:
                drops += 1
                pause_s = self._entry.gate.pause_s(drops)
                is_final = error.cause is not Cause.GATEWAY and drops >= _TERMINAL_TRIES
                if is_final or self._deadline.within(pause_s) < pause_s:
                    raise LinkError(error.cause, f"{error.detail} ({drops} tries)") from None
                if (self._entry.stop or threading.Event()).wait(pause_s):
                    raise LinkError(Cause.STOPPED) from None

    def _open_hops(self) -> Link:
        """Open every hop once, when its turn has come; on failure nothing is left open."""
        *gateways, terminal = self._hops
        at_gateway = [Key(Scope.GATEWAY, f"{gateway.host}:{gateway.port}") for gateway in gateways]
        all_the_way = [Key(Scope.ALL), *([Key(Scope.DISTRICT, self._entry.district)] if self._entry.district else [])]
        with self._entry.gate.turn([*all_the_way, *at_gateway], self._deadline, self._entry.stop) as turn:
            try:
                link = self._link = self._connect_first()
                for gateway, key in zip(gateways, at_gateway, strict=True):
                    try:
                        self._open(gateway, Known(_known_hosts_files(gateway, self._target.ssh_config)), link)
                    except DroppedError as error:
                        turn.dropped(key)
                        raise DroppedError(Cause.GATEWAY, f"{gateway.original_host}: {error.detail}") from None
                    except LinkError as error:
                        raise _at_gateway(gateway, error) from None
                    turn.passed(key)
                self._open(terminal, self._policy, link)
            except BaseException:
                self._close()
                raise
            for key in all_the_way:
                turn.passed(key)
        return link

    def _connect_first(self) -> Link:
        first = self._hops[0]
        try:
            return connect(first.host, first.port, self._deadline)
        except LinkError as error:
            if first is self._hops[-1]:
                raise
            raise _at_gateway(first, error) from None

    def _open(self, hop: fabric.Connection, policy: MissingHostKeyPolicy, link: Link) -> None:
        hop.connect_kwargs = self._connect_kwargs()
        # Behind a gateway two transports feed each other, each in a thread of its own.
        inline = len(self._hops) == 1
        hop.connect_kwargs["transport_factory"] = InlineTransport if inline else _strict_threaded
        hop.connect_timeout = None
        if hop is self._hops[0]:
            hop.connect_kwargs["sock"] = link
        hop.client = Stranger()
        hop.client.set_missing_host_key_policy(policy)
        try:
            hop.open()
        except HostKeyError as error:
            raise LinkError(Cause.HOST_KEY_CHANGED, str(error)) from None
        except IncompatiblePeer as error:
            raise LinkError(Cause.SSH_TOO_OLD, str(error)) from None
        except ChannelException as error:
            cause = Cause.NO_ANSWER if error.code == _CONNECT_FAILED else Cause.GATEWAY
            raise LinkError(cause, f"the gateway says: {error.text}") from None
        except (SSHException, EOFError, OSError) as error:
            if (words := self._turned_away(hop, link)) is not None:
                raise DroppedError(Cause.REFUSED, words) from None
            raise LinkError(self._cause(error, hop, link), str(error)) from None

    def _turned_away(self, hop: fabric.Connection, link: Link) -> str | None:
        """What was said where the server hung up before it had said who it is; None where it did not."""
        transport = hop.client.get_transport()
        if transport is None or transport.remote_version or self._deadline.passed:
            return None
        if hop is not self._hops[0]:
            return "hung up" if transport.sock.eof_received and not link.closed_by_peer else None
        words = link.first_words.strip()
        if not link.closed_by_peer or not (words == b"" or words.startswith(_FULL)):
            return None
        return words.decode("ascii", "replace") or "hung up"

    def _cause(self, error: Exception, hop: fabric.Connection, link: Link) -> Cause:
        """Which trouble an error of the library stands for; the link knows what was heard."""
        transport = hop.client.get_transport()
        if hop is self._hops[0] and link.heard_bytes == 0:
            return Cause.REFUSED if link.closed_by_peer else Cause.NO_ANSWER
        if self._deadline.passed:
            return Cause.DEADLINE
        if transport is None or not transport.remote_version:
            return Cause.NOT_SSH
        if isinstance(error, AuthenticationException):
            return Cause.LOGIN_REFUSED
        return Cause.LINK_LOST if link.closed_by_peer else Cause.NO_ANSWER

    def _connect_kwargs(self) -> dict[str, Any]:
        return {
            "pkey": self._key.private if self._key else None,
            "allow_agent": False,
            "look_for_keys": False,
            "timeout": self._deadline.within(GREETING_S + LOGIN_S),
            "banner_timeout": self._deadline.within(GREETING_S),
            "auth_timeout": self._deadline.within(LOGIN_S),
            "channel_timeout": self._deadline.within(CHANNEL_S),
        }

    def _close(self) -> None:
        for hop in reversed(self._hops):
            transport = hop.client.get_transport()
            if transport is not None:
                _end(transport)
            hop.client.close()
        if self._link is not None:
            self._link.close()


class _Hop(fabric.Connection):  # type: ignore[misc]  # Fabric carries no types
    """A connection whose attributes are its own.

    Fabric looks for every attribute it sets in its settings first, and writes some there: that takes as long as a key exchange, and two
    threads that share the settings find them empty for a moment.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        """As any object does."""
        object.__setattr__(self, name, value)


class _Settings(fabric.Config):  # type: ignore[misc]  # Fabric carries no types
    """Settings that nobody changes: what was looked up once is at hand."""

    def __getattr__(self, name: str) -> Any:
        """As Fabric's."""
        found = super().__getattr__(name)
        if not name.startswith("_"):
            object.__setattr__(self, name, found)
        return found

    def __getitem__(self, name: str) -> Any:
        """As Fabric's."""
        return vars(self)[name] if name in vars(self) else getattr(self, name)


class _NoConfig(SSHConfig):
    """No ssh_config: every name stands for itself."""

    def lookup(self, hostname: str) -> SSHConfigDict:
        """As SSHConfig's."""
        return SSHConfigDict(hostname=hostname)


def _hops(target: Target) -> list[fabric.Connection]:
    """The connections to open, the first gateway first, the terminal last."""
    terminal = target.terminal
    config = _fabric_config(target.ssh_config, _changed_at(target.ssh_config))
    gateway = _Hop(terminal.gateway, config=config) if terminal.gateway else None
    connection = _Hop(str(terminal.host), user=target.user, port=terminal.port, config=config, gateway=gateway)
    hops = [connection]
    while hops[0].gateway:
        if not isinstance(hops[0].gateway, fabric.Connection):
            raise LinkError(Cause.GATEWAY, "ProxyCommand is not used; name the gateway with ProxyJump")
        hops.insert(0, hops[0].gateway)
    return hops


def _changed_at(ssh_config: Path | None) -> int:
    try:
        return ssh_config.stat().st_mtime_ns if ssh_config else 0
    except OSError as error:
        raise InputError(N_("the ssh_config file cannot be read: {reason}", reason=system_words(error)), where=str(ssh_config)) from None


@lru_cache(maxsize=8)
def _fabric_config(ssh_config: Path | None, _mtime_ns: int) -> fabric.Config:
    """Fabric's settings: the given ssh_config only, nothing from the user's or the system's own files."""
    parsed = SSHConfig.from_path(str(ssh_config)) if ssh_config else _NoConfig()
    return _Settings(ssh_config=parsed, lazy=True)


def _end(transport: Transport) -> None:
    """End the library's loop; where it is a thread, wait for it, so that it is gone before its descriptor is free for another push."""
    if isinstance(transport, InlineTransport):
        transport.end()
        return
    with suppress(OSError, SSHException, EOFError):
        if isinstance(transport.sock, Link):
            transport.sock.shutdown(SHUT_RDWR)
        else:  # a gateway's channel
            transport.sock.close()
    transport.packetizer.complete_handshake()  # ends the library's timer where the handshake did not end
    if transport.is_alive():
        transport.join(_JOIN_S)


def _at_gateway(gateway: fabric.Connection, error: LinkError) -> LinkError:
    return LinkError(
        _CAUSES_AT_GATEWAY.get(error.cause, Cause.GATEWAY), f"{gateway.original_host}: {error.cause.value} {error.detail}".rstrip()
    )


def _strict_threaded(sock: Any, disabled_algorithms: Any = None) -> Transport:
    """A transport in a thread of its own that offers no weak algorithm."""
    transport = Transport(sock, disabled_algorithms=disabled_algorithms)
    options = transport.get_security_options()
    options.ciphers = CIPHERS
    options.digests = MACS
    return transport


def _known_hosts_files(hop: fabric.Connection, ssh_config: Path | None) -> tuple[Path, ...]:
    """Where the gateway's key is looked up: as ssh does, relative names beside the ssh_config."""
    names = hop.ssh_config.get("userknownhostsfile", "~/.ssh/known_hosts").split()
    base = ssh_config.parent if ssh_config else Path()
    return tuple(base / Path(name).expanduser() for name in names)
