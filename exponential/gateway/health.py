"""How this gateway is doing: what keeps it from serving, and figures for Prometheus. Nothing of any user in either."""

import asyncio
import resource
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from exponential.core import clock
from exponential.core.database import Database
from exponential.gateway.messages import inbox, notices, outbox
from exponential.gateway.messages.inbox import InboxMessage
from exponential.gateway.messages.outbox import OutboxMessage
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.contacts import Contact
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.reports import Reports
from exponential.gateway.worker.supervisor import Supervisor

MIN_FREE_BYTES = 256 * 2**20  # of free disk below which messages may soon not be kept any more
DATABASE_TIMEOUT_SECONDS = 2.0
_PREFIX = "exponential_gateway_"
_ALL_STATES = (*sessions.ACTIVE, sessions.DISCONNECTED, sessions.ERROR, sessions.EXPIRED, sessions.REMOVED)


class Figures(Collector):
    """What was measured at one moment: an unlabelled metric has one value, another one for each value of its label."""

    def __init__(self) -> None:
        self._metrics: list[Metric] = []

    def gauge(self, name: str, what: str, value: float) -> None:
        self._metrics.append(GaugeMetricFamily(_PREFIX + name, what, value))

    def gauges(self, name: str, what: str, label: str, values: Iterable[tuple[str, float]]) -> None:
        metric = GaugeMetricFamily(_PREFIX + name, what, labels=[label])
        for key, value in values:
            metric.add_metric([key], value)
        self._metrics.append(metric)

    def counter(self, name: str, what: str, value: float) -> None:
        self._metrics.append(CounterMetricFamily(_PREFIX + name, what, value))

    def collect(self) -> Iterable[Metric]:
        return self._metrics


class Health:
    """Looks at this node's database, workers and disk. Spools lie on the disk of `folder`."""

    def __init__(self, database: Database, supervisor: Supervisor, reports: Reports, folder: Path) -> None:
        self._database = database
        self._supervisor = supervisor
        self._reports = reports
        self._folder = folder

    async def problems(self) -> list[str]:
        """What keeps the gateway from serving, in sentences; empty when nothing does."""
        found = []
        try:
            await asyncio.wait_for(self._database.ping(), DATABASE_TIMEOUT_SECONDS)
        except (SQLAlchemyError, TimeoutError):
            found.append("The database doesn't answer.")
        missing = self._supervisor.workers.count(None)
        if missing:
            found.append(f"{missing} of {len(self._supervisor.workers)} workers are just being started.")
        if (free := shutil.disk_usage(self._folder).free) < MIN_FREE_BYTES:
            found.append(f"The disk has {free // 2**20} MiB left for messages; make room.")
        if self._reports.stuck:
            found.append(f"Messages of {len(self._reports.stuck)} sessions can't be kept.")
        return found

    async def metrics(self) -> str:
        """Prometheus' text format. Raises SQLAlchemyError when the database is away."""
        async with self._database.transaction() as db:
            by_state = select(Session.status, func.count()).group_by(Session.status)
            states = {status: count for status, count in await db.execute(by_state)}
            waiting = select(func.count(), func.min(InboxMessage.received_at)).where(
                InboxMessage.state == inbox.WAITING
            )
            inward = (await db.execute(waiting)).one()
            queued = OutboxMessage.state.in_((outbox.QUEUED, outbox.SENDING))
            outward = (await db.execute(select(func.count(), func.min(OutboxMessage.created_at)).where(queued))).one()
            limited = await db.scalar(select(func.count()).where(Contact.told_at > clock.now() - notices.TELL_EVERY))
        queues = ("inbox", *inward), ("outbox", *outward)
        pids = [pid for pid in self._supervisor.workers if pid is not None]
        told = Figures()
        by_label = ((state, states.get(state, 0)) for state in _ALL_STATES)
        told.gauges("sessions", "Sessions by state, on all nodes.", "state", by_label)
        told.counter("messages_in", "Messages recorded here.", self._reports.recorded)
        told.counter("messages_out", "Messages sent from here.", self._supervisor.sent)
        what = "Messages that wait, for the app (inbox) or for WhatsApp (outbox)."
        told.gauges("queue_depth", what, "queue", ((name, count) for name, count, _ in queues))
        what = "Age of the oldest message that waits."
        told.gauges("queue_oldest_seconds", what, "queue", ((name, _age(oldest)) for name, _, oldest in queues))
        told.counter("reconnects", "Connections to WhatsApp that broke here.", self._supervisor.reconnects)
        what = "Contacts that were told in the last hour that they wrote too much."
        told.gauge("contacts_over_limit", what, limited or 0)
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        told.gauge("peak_memory_bytes", "Most memory this process has had.", own)
        told.gauges("worker_memory_bytes", "Resident memory of each worker.", "pid", _memory(pids))
        return generate_latest(told).decode()


def _age(oldest: datetime | None) -> float:
    return (clock.now() - oldest).total_seconds() if oldest else 0.0


def _memory(pids: list[int]) -> Iterable[tuple[str, float]]:
    """Resident bytes of each process, where /proc tells."""
    for pid in pids:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
        except (OSError, IndexError):
            continue
        yield str(pid), pages * resource.getpagesize()
