"""How long the gateway waits for what. Each part is passed these times; tests pass shorter ones."""

from dataclasses import dataclass

from exponential.protocol.passkey import HANDOFF_SECONDS


@dataclass(frozen=True)
class Timing:
    """All in seconds.

    `first_pause`, `max_pause`: between attempts to hand a message to the app; doubled each time.
    `doubt`: after a send of unknown outcome, before its receipt is waited for.
    `receipt`: online in which a message that may have left shows by its receipt that it did.
    `finish`: that a closing gateway waits for a send in progress.
    `typing`: for which "typing…" is shown unless it is renewed; phones forget it by themselves after about 25.
    `worker_pause`, `max_worker_pause`: before a worker that died is replaced; doubled each time.
    `lock`: that a gateway which is just ending gets to let go of its data folder.
    """

    first_pause: float = 0.5
    max_pause: float = 30.0
    doubt: float = 1.0
    receipt: float = 10.0
    finish: float = 2.0
    typing: float = 20.0
    worker_pause: float = 0.2
    max_worker_pause: float = 30.0
    lock: float = 3.0


@dataclass(frozen=True)
class LinkingTiming:
    """All in seconds.

    `qr_code`: for which a QR code is shown. A connection has six, each good from the connection's beginning on, and
    they must be over before `connection` is.
    `last_scan`: that a scan of the last one may take to get here.
    `connection`: that a connection with QR codes lasts, and a pairing code with it (whatsmeow qrchan.go).
    `proof`: after the scan, for which the QR code's secret proves that the passkey belongs to the phone; later the
    person compares two codes.
    `compare`: that the person gets for that; `phone`: that the phone gets to go on afterwards.
    `goodbye`: that WhatsApp gets to hang up after the device has confirmed.
    """

    qr_code: float = 15.0
    last_scan: float = 5.0
    connection: float = 160.0
    proof: float = HANDOFF_SECONDS
    compare: float = 300.0
    phone: float = 120.0
    goodbye: float = 10.0
