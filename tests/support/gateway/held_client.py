"""A NativeClient whose log holds each acknowledgement until it is told to go on. Prints one line for what happens.

python -m support.gateway.held_client STORE        environment: HTTPS_PROXY, SSL_CERT_FILE, NOISE_ROOT
"""

import os
import sys
from pathlib import Path
from typing import Any

import exponential.protocol.libmagic  # noqa: F401  before neonize

# isort: split
import neonize._binder as binder
from neonize.proto import Neonize_pb2 as proto

from exponential.gateway.worker.loopback_trust import replace_root
from exponential.gateway.worker.workarounds import client_log
from exponential.gateway.worker.workarounds.native_client import NativeClient

replace_root(Path(binder.gocode._name).name, bytes.fromhex(os.environ["NOISE_ROOT"]))
client = NativeClient(sys.argv[1], uuid="held")


def say(*words: str) -> None:
    print(*words, flush=True)


def logged(data: bytes) -> None:
    entry = proto.LogEntry.FromString(data)
    stanza = client_log.stanza(entry.Message)
    if entry.Name.endswith("/Send") and stanza.acknowledges:
        say("held", stanza.id)
        sys.stdin.readline()


@client.event(proto.Connected)
def connected(*_: Any) -> None:
    say("connected")


client.run(lambda _code: None, lambda outcome: say("linking", outcome), logged, lambda _kind, _data: None)
