"""Paramiko's own loop, run as a coroutine of the push's thread instead of in a thread of its own; and files sent without its detours.

    the push waits -> pump: bytes that came in -> Transport.run goes on until it wants more -> the push looks whether it has what it waits for

- The library's code runs as it is. It gives way where it asks the link for bytes that are not there yet, and nowhere else. There is
  no thread, no timer and no lock that anybody waits for. One thread owns all of it.
- A packet is sealed and opened here in one step, where the cipher is an AEAD one. The library copies one of a file seven times and takes four
  locks on the way.
- What is the same for every connection is made once, what the server's word is not needed for is not waited for, and nothing is written for a log
  that nobody reads.
- Everything that stands behind the library's private names stands in this file: of `Transport` `_send_user_message`, `_send_kex_init`, `_parse_kex_init`,
  `_parse_debug`, `_filter_algorithm`, `_preferred_ciphers`, `_preferred_macs`, `_log`, `_compute_key` and `_add_K`, of `AuthHandler`
  `_parse_service_accept`, of `SSHClient` its two lists of host keys, of `Packetizer` the two ciphers and their counters. tests/push/test_inline.py and test_handshake.py hold the installed version to it. Why: docs/decisions/0008.
"""

import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from os import urandom
from time import monotonic
from typing import Any, NamedTuple

from greenlet import getcurrent, greenlet
from paramiko import AuthenticationException, Channel, HostKeys, Message, PKey, SSHClient, SSHException, Transport
from paramiko.common import MSG_CHANNEL_DATA, MSG_CHANNEL_OPEN, cMSG_KEXINIT
from paramiko.packet import NeedRekeyException, Packetizer

from fleet.push.link import Buffer, Link

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
"""No weak one, the fastest first."""
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
SLICE_S = 0.5
"""After so long without a byte the library looks at its own limits."""
_BLOCK_BYTES = 16
"""Of AES, which every AEAD cipher we offer is made of."""
PACKET_BYTES = 32 * 1024 - 64
"""Of a file, in one packet: as many as every server takes."""
_NOISE_BYTES = 512
_LARGEST_BYTES = 64 * 1024
"""More than a packet of ours can have."""
_MOST_BYTES = 256 * 1024
"""Of a packet that comes in; OpenSSH takes as much."""
_ACCEPTED = struct.pack(">I12s", 12, b"ssh-userauth")
"""What a server says that lets anybody log in."""
_BEFORE_OFFER = 17
"""Bytes of a KEXINIT that are new every time: its number and a cookie."""
_OFFERS: dict[tuple[tuple[str, ...], ...], bytes] = {}
"""What stands behind them, by the lists it is made of."""


class _Agreement(NamedTuple):
    """What comes of an offer of ours and one of a server's."""

    names: Mapping[str, Any]
    method: Callable[[Transport], Any]
    offer_bytes: int
    """Of the server's offer; what follows is not part of it."""


_AGREED = (
    *("agreed_on_strict_kex", "_remote_ext_info", "_remote_strict_kex", "host_key_type"),
    *(f"{side}_{kind}" for side in ("local", "remote") for kind in ("cipher", "mac", "compression")),
)
_AGREEMENTS: dict[tuple[bytes, bytes], _Agreement] = {}
_MOST_AGREEMENTS = 64
"""A fleet has a few kinds of servers; one that offers something new every time is not kept."""


class _Nobody(HostKeys):
    """Host keys of nobody. The library's empty list is slower to ask: it makes a class for every question."""

    def lookup(self, hostname: str) -> None:
        """None."""


class Stranger(SSHClient):
    """A client that has no host keys of its own: its policy is asked about every one."""

    _nobody = _Nobody()

    def __init__(self) -> None:
        """Nothing is connected yet."""
        super().__init__()
        self._system_host_keys = self._host_keys = self._nobody


class InlineTransport(Transport):
    """A transport over a `Link`, whose loop runs while its owner waits for something. What it sends leaves when it waits."""

    _preferred_ciphers = CIPHERS
    _preferred_macs = MACS
    sock: Link
    packetizer: "_Packetizer"

    def __init__(self, sock: Link, **options: Any) -> None:
        """As Transport's; nothing is sent yet."""
        super().__init__(sock, packetizer_class=_Packetizer, **options)
        sock.setblocking(False)
        sock.gathers = True
        self._loop: greenlet | None = None
        self._secret: int | bytes | None = None
        self._secret_and_hash = b""

    def start(self) -> None:
        """Begin the loop; it runs until it wants bytes that are not there."""
        self._loop = greenlet(self.run)
        self.sock.give_way = self._give_way
        self._loop.switch()

    def pump(self, done: Callable[[], object], seconds: float) -> bool:
        """Take in what comes until `done()`; False when that takes longer, or the connection ends first."""
        until = monotonic() + seconds
        while not done():
            left = until - monotonic()
            if left <= 0 or not self._loop:
                return bool(done())
            if self.sock.wait_readable(min(left, SLICE_S)):
                self._loop.switch()
            else:
                self._loop.throw(TimeoutError)
        return True

    def end(self) -> None:
        """Send what waits, end the loop, and close the link; nothing more is sent or heard."""
        self.sock.let_leave()
        if self._loop:
            self._loop.throw(EOFError)

    def start_client(self, event: threading.Event | None = None, timeout: float | None = None) -> None:
        """As Transport's."""
        negotiated = event or threading.Event()
        super().start_client(event=negotiated)
        if event is not None:
            return
        seconds = self.banner_timeout + self.handshake_timeout if timeout is None else timeout
        answered = self.pump(negotiated.is_set, seconds)
        if not answered or not self.active:
            raise self.get_exception() or SSHException("Negotiation failed.")

    def auth_publickey(self, username: str, key: PKey, event: threading.Event | None = None) -> list[str]:
        """As Transport's; but the login goes out with the request for the service, whose answer says nothing: RFC 4253 section 10."""
        answered = event or threading.Event()
        super().auth_publickey(username, key, event=answered)
        assert self.auth_handler is not None
        self.auth_handler._parse_service_accept(Message(_ACCEPTED))  # noqa: SLF001  # private names are this file's purpose
        self.auth_handler._parse_service_accept = _ignore  # noqa: SLF001
        if event is not None:
            return []
        if not self.pump(answered.is_set, self.auth_timeout) and self.active:
            raise AuthenticationException("Authentication timeout.")
        return list(self.auth_handler.wait_for_response(answered))

    def send_files(self, channel: Channel, parts: Sequence[Buffer]) -> int:
        """Send the parts as packets of data; how many bytes went. 0, with nothing sent, where only the library's own way will do."""
        size = sum(map(len, parts))
        with channel.lock:
            most = channel.out_window_size if channel.out_max_packet_size >= PACKET_BYTES + 64 else 0
            if channel.closed or channel.eof_sent or not size <= most:
                return 0
            data = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
            sent = 0
            while sent < size and self.clear_to_send.is_set() and self.packetizer.is_direct:
                piece = data[sent : sent + PACKET_BYTES]
                self.packetizer.send_direct(struct.pack(">BII", MSG_CHANNEL_DATA, channel.remote_chanid, len(piece)), piece)
                sent += len(piece)
            channel.out_window_size -= sent
        return sent

    def _give_way(self) -> None:
        """Called in the loop when the link has nothing for it. Returns when it has, or raises what ends the wait."""
        waiting = self._loop and self._loop.parent
        assert waiting
        waiting.switch()

    def _filter_algorithm(self, type_: str) -> tuple[str, ...]:
        """As Transport's, which looks through every list for every use of it."""
        names: tuple[str, ...] = super()._filter_algorithm(type_) if self.disabled_algorithms else getattr(self, f"_preferred_{type_}")
        return names

    def _send_kex_init(self) -> None:
        """As Transport's, which writes the same lists anew for every server."""
        lists = tuple(map(tuple, (self.preferred_kex, self.preferred_keys, self.preferred_ciphers, self.preferred_macs)))
        if lists not in _OFFERS:
            super()._send_kex_init()
            assert self.local_kex_init is not None
            _OFFERS[lists] = self.local_kex_init[_BEFORE_OFFER:]
            return
        with self.clear_to_send_lock:
            self.clear_to_send.clear()
        self.in_kex = True
        self.local_kex_init = self._latest_kex_init = cMSG_KEXINIT + urandom(_BEFORE_OFFER - 1) + _OFFERS[lists]
        self._send_message(Message(self.local_kex_init))

    def _parse_kex_init(self, m: Message) -> None:
        """As Transport's, which compares all lists anew with every server that offers what another offered before."""
        assert self.local_kex_init is not None
        offers = self.local_kex_init[_BEFORE_OFFER:], m.asbytes()[_BEFORE_OFFER - 1 :]
        is_first = m.seqno == 0  # not when new keys are agreed on, nor where something came before that must not
        if not is_first or offers not in _AGREEMENTS:
            super()._parse_kex_init(m)
            assert self.remote_kex_init is not None
            if is_first and len(_AGREEMENTS) < _MOST_AGREEMENTS:
                agreed = {name: vars(self)[name] for name in _AGREED}
                _AGREEMENTS[offers] = _Agreement(agreed, type(self.kex_engine), len(self.remote_kex_init))
            return
        agreement = _AGREEMENTS[offers]
        vars(self).update(agreement.names)
        self.kex_engine = agreement.method(self)
        self.remote_kex_init = (cMSG_KEXINIT + m.asbytes())[: agreement.offer_bytes]

    def _compute_key(self, letter: str, nbytes: int) -> bytes:
        """As Transport's, which writes the secret, a number, anew for every key made of it: RFC 4253 section 7.2."""
        assert self.H is not None
        assert self.session_id is not None
        if self._secret != self.K:
            encoded = Message()
            self._add_K(encoded)
            self._secret, self._secret_and_hash = self.K, encoded.asbytes() + self.H
        method: Any = self.kex_engine
        digest = method.hash_algo
        key: bytes = digest(self._secret_and_hash + letter.encode() + self.session_id).digest()
        while len(key) < nbytes:
            key += digest(self._secret_and_hash + key).digest()
        return key[:nbytes]

    def _log(self, *_: object) -> None:
        """Nobody reads what the library would log: what happened is in the attempt's result."""

    def _parse_debug(self, _message: Message) -> None:
        """A server's remarks for its maintainer; the library would write every one out to throw it away."""

    def _send_user_message(self, data: Message) -> None:
        """As Transport's; but a key exchange that goes on is taken part in, and so is the answer to an opened channel."""
        if getcurrent() is self._loop:  # a sign of life; while keys are exchanged there are others
            if self.clear_to_send.is_set():
                super()._send_user_message(data)
            return
        self.pump(self.clear_to_send.is_set, self.clear_to_send_timeout)
        opening = list(self.channel_events.values())[-1:] if data.asbytes()[0] == MSG_CHANNEL_OPEN else []
        super()._send_user_message(data)
        if opening and not self.pump(opening[0].is_set, self.channel_timeout) and self.active:
            raise SSHException("Timeout opening channel.")


def _ignore(_message: Message) -> None:
    """A message that was not waited for."""


class Request(threading.Event):
    """A channel's event. Who waits for it takes in what comes, at most so long."""

    def __init__(self, transport: InlineTransport, seconds: float) -> None:
        """Not set yet."""
        super().__init__()
        self._transport = transport
        self._seconds = seconds

    def wait(self, timeout: float | None = None) -> bool:
        """True when it is set.

        Raises:
            SSHException: It is not in time.
        """
        if not self._transport.pump(self.is_set, self._seconds if timeout is None else timeout):
            raise SSHException("Timeout waiting for an answer.")
        return True


class _Packetizer(Packetizer):
    """A packetizer that sends whole packets of files directly, and looks at its handshake's limit when the loop wakes up, without a timer."""

    _handshake_until: float | None = None
    _noise = b""
    """Random bytes for paddings to come: to ask the system for each by itself is half of what a packet of a file asks of it."""

    def start_handshake(self, timeout: float) -> None:
        """As Packetizer's, without a thread."""
        self._handshake_until = self._handshake_until or monotonic() + timeout

    def handshake_timed_out(self) -> bool:
        """As Packetizer's."""
        return self._handshake_until is not None and monotonic() > self._handshake_until

    def complete_handshake(self) -> None:
        """As Packetizer's."""
        self._handshake_until = None

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """As Packetizer's, which looks at clocks for what is here already, asks for every piece by itself, and takes a packet of any size."""
        if n > _MOST_BYTES:
            raise SSHException(f"A packet of {n} bytes.")
        try:
            while not self.__remainder:
                data: bytes = self.__socket.take(n)
                if data:
                    return data
                if self.handshake_timed_out() or not self.__socket.fill():
                    break
        except TimeoutError:
            if check_rekey and self.__need_rekey:
                raise NeedRekeyException from None
        return super().read_all(n, check_rekey)

    def read_message(self) -> tuple[int, Message]:
        """As Packetizer's, without its looks at every other kind of cipher: RFC 5647 section 7."""
        near = self.__received_packets + 1 >= self.REKEY_PACKETS or self.__received_bytes + _MOST_BYTES >= self.REKEY_BYTES
        if not self.__aead_in or self.__compress_engine_in is not None or self.__need_rekey or near or self.__dump_packets:
            return super().read_message()
        length = (not self.__remainder and self.__socket.take(4)) or self.read_all(4, check_rekey=True)
        size = int.from_bytes(length)
        if size > _MOST_BYTES:
            raise SSHException(f"A packet of {size} bytes.")
        sealed = (not self.__remainder and self.__socket.take(size + self.__mac_size_in)) or self.read_all(size + self.__mac_size_in)
        plain = self.__block_engine_in.decrypt(self.__iv_in, sealed, length)
        self.__iv_in = self._inc_iv_counter(self.__iv_in)
        message = Message(plain[2 : size - plain[0]])
        message.seqno = self.__sequence_number_in
        self.__sequence_number_in = self.__sequence_number_in + 1 & 0xFFFFFFFF
        self.__received_bytes += size + self.__mac_size_in + 4
        self.__received_packets += 1
        return plain[1], message

    @property
    def is_direct(self) -> bool:
        """Whether `send_direct` can be used: an AEAD cipher, no compression, and no new keys wanted or about to be."""
        near = self.__sent_packets + 1 >= self.REKEY_PACKETS or self.__sent_bytes + _LARGEST_BYTES >= self.REKEY_BYTES
        return bool(self.__aead_out and self.__compress_engine_out is None and not self.__need_rekey and not near)

    def send_direct(self, head: bytes, data: memoryview) -> None:
        """Send a packet of a file."""
        self.__socket.gather(*self._seal(head, data))

    def send_message(self, data: Message) -> None:
        """As Packetizer's, without its looks at every other kind of cipher, and without a copy."""
        if self.is_direct and not self.__dump_packets:
            self.__socket.gather(*self._seal(data.asbytes()))
        else:
            super().send_message(data)

    def _seal(self, *payload: Buffer) -> tuple[bytes, bytes]:
        """A packet's length, and the packet: RFC 4253 section 6, RFC 5647 section 7. With one copy."""
        size = sum(map(len, payload))
        padding = 3 + _BLOCK_BYTES - (size + 4) % _BLOCK_BYTES
        length = struct.pack(">I", size + padding + 1)
        if len(self._noise) < padding:
            self._noise = urandom(_NOISE_BYTES)
        plain = b"".join((bytes((padding,)), *payload, self._noise[:padding]))
        self._noise = self._noise[padding:]
        sealed = self.__block_engine_out.encrypt(self.__iv_out, plain, length)
        self.__iv_out = self._inc_iv_counter(self.__iv_out)
        self.__sequence_number_out = self.__sequence_number_out + 1 & 0xFFFFFFFF
        self.__sent_packets += 1
        self.__sent_bytes += len(length) + len(sealed)
        return length, sealed
