"""A worker for which every command takes a minute: what else it must notice meanwhile."""

import socket
import sys
import time

from exponential.gateway.cluster.lease import Lease
from exponential.gateway.worker import protocol
from exponential.gateway.worker.channel import Channel
from exponential.gateway.worker.main import Worker


class BusyWorker(Worker):
    def _carry_out(self, command: protocol.Command) -> None:
        time.sleep(60)


if __name__ == "__main__":
    BusyWorker(Channel(socket.socket(fileno=int(sys.argv[1]))), Lease(int(sys.argv[2]))).run()
