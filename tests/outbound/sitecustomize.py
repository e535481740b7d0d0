"""Nothing leaves the machine: every connection to another one is refused, and noted.

The suite installs this in itself; processes that it starts load it by name, since its folder is on their path, and note
what they tried in the file that DESIGNLAB_TEST_OUTBOUND names.
"""

import ipaddress
import os
import socket
from pathlib import Path

NOTED = "DESIGNLAB_TEST_OUTBOUND"
tried: list[str] = []


def stays_here(address: object) -> bool:
    """Whether an address is of this machine: a file, or the loopback interface."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in {"localhost", ""}


def _refuse(address: object) -> None:
    words = f"{os.getpid()} to {address!r}"
    tried.append(words)
    if NOTED in os.environ:
        with Path(os.environ[NOTED]).open("a") as file:
            file.write(words + "\n")
    raise OSError(f"a test tried to connect to {address!r}, which is not this machine")


def install() -> None:
    """Put the check before every connection that Python makes in this process."""

    def guarded(inner):
        def connect(self, address):
            if not stays_here(address):
                _refuse(address)
            return inner(self, address)

        return connect

    socket.socket.connect = guarded(socket.socket.connect)
    socket.socket.connect_ex = guarded(socket.socket.connect_ex)


if NOTED in os.environ:
    install()
