"""A worker, trusting loopback, that has no time: QR codes change soon, and a scan soon proves nothing any more."""

import os

from exponential.gateway import trust, whatsapp, worker
from exponential.gateway.linking import client
from exponential.protocol import passkey

if __name__ == "__main__":
    passkey.HANDOFF_SECONDS = -1
    whatsapp.CODE_SECONDS = client.CODE_SECONDS = 1.0
    whatsapp.LAST_SCAN_SECONDS = client.LAST_SCAN_SECONDS = 0.5
    client.PHONE_SECONDS = 3.0
    worker.main(trust._prepare(os.environ))
