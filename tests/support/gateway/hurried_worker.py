"""A worker, trusting loopback, that has no time: QR codes change soon, and a scan soon proves nothing any more."""

import os

from exponential.gateway.linking import client
from exponential.gateway.worker import loopback_trust, main, qr_codes
from exponential.protocol import passkey

if __name__ == "__main__":
    passkey.HANDOFF_SECONDS = -1
    qr_codes.CODE_SECONDS = client.CODE_SECONDS = 1.0
    qr_codes.LAST_SCAN_SECONDS = client.LAST_SCAN_SECONDS = 0.5
    client.PHONE_SECONDS = 3.0
    main.main(loopback_trust._prepare(os.environ))
