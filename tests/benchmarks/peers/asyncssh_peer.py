"""asyncssh: one loop, one channel a host with the whole job as one command, AES-GCM; 100 at the same time, 32 where files travel."""

import asyncio
from pathlib import Path

import asyncssh
from common import ORDER, PIECE_BYTES, script, sends

PARALLEL = 32 if sends() else 100


async def one(host: str, limit: asyncio.Semaphore, archive: bytes, options: asyncssh.SSHClientConnectionOptions) -> None:
    """One terminal."""
    async with limit, asyncssh.connect(host, ORDER["port"], options=options) as connection:
        process = await connection.create_process(script(), encoding=None)
        view = memoryview(archive)
        for start in range(0, len(view), PIECE_BYTES):
            process.stdin.write(bytes(view[start : start + PIECE_BYTES]))
            await process.stdin.drain()
        process.stdin.write_eof()
        await process.wait(check=True)


async def main(archive: bytes) -> None:
    """All terminals."""
    limit = asyncio.Semaphore(PARALLEL)
    options = asyncssh.SSHClientConnectionOptions(
        username=ORDER["user"],
        client_keys=[ORDER["key"]],
        known_hosts=ORDER["known_hosts"],
        encryption_algs=["aes128-gcm@openssh.com"],
        agent_path=None,
        config=None,
    )
    await asyncio.gather(*(one(host, limit, archive, options) for host in ORDER["hosts"]))


asyncio.run(main(Path(ORDER["archive"]).read_bytes() if sends() else b""))
