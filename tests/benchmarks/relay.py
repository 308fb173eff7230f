"""A long way to the terminals: `relay.py PORT TARGET_PORT DELAY_MS` passes bytes on, each DELAY_MS later, and counts them.

A connection to 127.10.x.y:PORT goes on to 127.10.x.y:TARGET_PORT. Answers the opening of a connection at once, as the machine itself
does; so that one round trip is not there, for no tool. A line on stdin is answered by the bytes that went to terminals since the last.
"""

import asyncio
import sys
from collections.abc import Callable

PIECE_BYTES = 256 * 1024
ENOUGH_BYTES = 8 * 1024 * 1024
sent_bytes = 0


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float, count: Callable[[int], None]) -> None:
    """One direction: every piece goes out `delay_s` after it came in, in order."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(ENOUGH_BYTES // PIECE_BYTES * 64)

    async def take_in() -> None:
        data = b"-"
        while data:
            try:
                data = await reader.read(PIECE_BYTES)
            except OSError:
                data = b""
            await pieces.put((loop.time() + delay_s, data))

    taking = asyncio.create_task(take_in())
    try:
        while True:
            due, data = await pieces.get()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            if not data:
                break
            count(len(data))
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        pass
    finally:
        taking.cancel()


async def main(port: int, target_port: int, delay_s: float) -> None:
    """Serve until killed."""

    def count_up(size: int) -> None:
        global sent_bytes  # noqa: PLW0603 - one number of one process
        sent_bytes += size

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        try:
            far_reader, far_writer = await asyncio.open_connection(host, target_port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(pass_on(reader, far_writer, delay_s, count_up), pass_on(far_reader, writer, delay_s, lambda _size: None))
        finally:
            far_writer.close()
            writer.close()

    server = await asyncio.start_server(serve, "0.0.0.0", port, backlog=1024, limit=ENOUGH_BYTES)
    asyncio.get_running_loop().add_reader(sys.stdin, answer)
    await server.serve_forever()


def answer() -> None:
    """Say how much went to terminals since the last time."""
    global sent_bytes  # noqa: PLW0603
    if sys.stdin.readline():
        print(sent_bytes, flush=True)
        sent_bytes = 0
    else:
        asyncio.get_running_loop().remove_reader(sys.stdin)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
