"""pyinfra's deploy: idempotent operations, as its documentation writes them."""

import json
import os
from pathlib import Path

from pyinfra import host
from pyinfra.facts.files import File
from pyinfra.operations import files, server

order = json.loads(Path(os.environ["ORDER"]).read_text())
version = order["version"]
release = f"client/releases/{version}"
archive = f"client/release-{version}.tar"

if order["job"] == "command":
    server.shell(name="command", commands="true")
else:
    files.directory(name="release directory", path=release)
    sent = files.put(name="archive", src=order["archive"], dest=archive)
    if order["job"] == "upload":
        server.shell(name="verify", commands=f'echo "{order["archive_sha256"]}  {archive}" | sha256sum -c')
    else:
        if not host.get_fact(File, path=f"{release}/share/version"):
            server.shell(
                name="verify and unpack",
                commands=[f'echo "{order["archive_sha256"]}  {archive}" | sha256sum -c', f"tar -xf {archive} -C {release}"],
            )
        files.link(name="flip", path="client/current", target=f"releases/{version}")
        server.shell(name="version", commands=f'test "$(client/current/bin/version)" = version={version}')
        server.shell(name="read back", commands=f'test "$(readlink client/current)" = releases/{version}')
