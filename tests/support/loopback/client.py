"""A real client (neonize) in a process of its own, driven line by line: it prints what happens and answers pings.

python -m support.loopback.client STORE        environment: HTTPS_PROXY, SSL_CERT_FILE, NOISE_ROOT
"""

import os
import sys
import threading
from pathlib import Path

import exponential.protocol.libmagic  # noqa: F401  before neonize

# isort: split
import neonize._binder as binder
from neonize.client import NewClient
from neonize.events import ConnectedEv, LoggedOutEv, MessageEv, ReceiptEv, StreamReplacedEv

from exponential.gateway.worker.loopback_trust import replace_root
from exponential.gateway.worker.workarounds.native_client import DEVICE_PROPS
from support.loopback import client_faults, client_lines, client_messages

replace_root(Path(binder.gocode._name).name, bytes.fromhex(os.environ["NOISE_ROOT"]))
sys.stdout = client_lines.WholeLines()
# The store outlives a kill of this process, and needn't outlive the machine. (The library appends "?_foreign_keys=on".)
client = NewClient(f"{sys.argv[1]}?_synchronous=off&_foreign_keys=on&", props=DEVICE_PROPS)
messages = client_messages.Commands(client)
client_faults.report(client)
client.qr(lambda _, code: print("qr", code.decode(), flush=True))


@client.event(ConnectedEv)
def connected(*_: object) -> None:
    print("connected", flush=True)


@client.event(LoggedOutEv)
def logged_out(*_: object) -> None:
    print("logged-out", flush=True)


@client.event(StreamReplacedEv)
def replaced(*_: object) -> None:
    print("replaced", flush=True)


@client.event(ReceiptEv)
def receipt(_: object, event: ReceiptEv) -> None:
    print("receipt", event.Type, *event.MessageIDs, flush=True)


@client.event(MessageEv)
def message(_: object, event: MessageEv) -> None:
    messages.heard(event)
    text = event.Message.conversation or event.Message.extendedTextMessage.text
    source = event.Info.MessageSource
    print("dated", event.Info.Timestamp // 1000, flush=True)
    print("message", f"{source.Chat.User}@{source.Chat.Server}", source.IsFromMe, text, flush=True)
    if text.startswith("ping"):
        threading.Thread(target=lambda: client.send_message(source.Chat, "pong" + text[4:])).start()


def commands() -> None:
    for line in sys.stdin:
        if line.strip() == "logout":
            client.logout()
            print("logout-done", flush=True)
        elif line.startswith("pair "):
            print("pair-code", client.PairPhone(line.split()[1], True), flush=True)
        elif line.strip():
            messages.run(line)


threading.Thread(target=commands, daemon=True).start()
client.connect(binder.ProxySettings(os.environ["HTTPS_PROXY"]))
