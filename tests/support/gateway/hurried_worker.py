"""A worker, trusting loopback, that has no time: QR codes change soon, and a scan soon proves nothing any more."""

import os

from exponential.gateway.timing import LinkingTiming
from exponential.gateway.worker import loopback_trust, main

if __name__ == "__main__":
    timing = LinkingTiming(qr_code=1.0, last_scan=0.5, proof=-1, phone=3.0)
    main.main(loopback_trust._prepare(os.environ), timing)
