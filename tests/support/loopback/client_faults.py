"""The real client's side of faults: what it reports of them, a line each, and what whatsmeow logs as `log MESSAGE`."""

import logging

from neonize.client import NewClient
from neonize.events import (
    ClientOutdatedEv,
    ConnectFailureEv,
    DisconnectedEv,
    KeepAliveTimeoutEv,
    StreamErrorEv,
    TemporaryBanEv,
)


class Printed(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print("log", record.getMessage().replace("\n", " "), flush=True)


def report(client: NewClient) -> None:
    logging.getLogger("whatsmeow").addHandler(Printed(logging.WARNING))

    @client.event(DisconnectedEv)
    def disconnected(*_: object) -> None:
        print("disconnected", flush=True)

    @client.event(KeepAliveTimeoutEv)
    def silence(*_: object) -> None:
        print("silence", flush=True)

    @client.event(ConnectFailureEv)
    def failure(_: object, event: ConnectFailureEv) -> None:
        print("refused", event.Reason, flush=True)

    @client.event(ClientOutdatedEv)
    def outdated(*_: object) -> None:
        print("outdated", flush=True)

    @client.event(StreamErrorEv)
    def stream_error(_: object, event: StreamErrorEv) -> None:
        print("stream-error", event.Code, flush=True)

    @client.event(TemporaryBanEv)
    def banned(_: object, event: TemporaryBanEv) -> None:
        print("banned", event.Code, event.Expire, flush=True)
