"""The process of a real client, forked from a server that has imported all it can: that is most of a client's start.

Go reads its environment where the server's begins, so that holds what is the same for all clients: the name of the file
of TLS roots, which each finds in its own WhatsApp's folder.
"""

import os
import runpy
import socket
import sys
from pathlib import Path

IMPORTS = "support.loopback.client_imports"


def run(connection: socket.socket, store: Path, folder: Path, proxy_url: str, noise_root: str) -> None:
    """client.py with `connection` as its input and output."""
    assert IMPORTS in sys.modules, "The server could not import it."
    os.chdir(folder)
    os.environ.update(HTTPS_PROXY=proxy_url, NOISE_ROOT=noise_root)
    sys.argv[1:] = [str(store)]
    sys.stdin = connection.makefile()
    os.dup2(connection.fileno(), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    runpy.run_module("support.loopback.client", run_name="__main__")
