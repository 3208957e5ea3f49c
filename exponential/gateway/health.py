"""How this gateway is doing: what keeps it from serving, and figures for Prometheus. Nothing of any user in either."""

import asyncio
import resource
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

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
_ALL_STATES = (*sessions.ACTIVE, sessions.DISCONNECTED, sessions.ERROR, sessions.EXPIRED, sessions.REMOVED)


@dataclass(frozen=True)
class Metric:
    """One metric of the text exposition format: each sample is its labels, as text, and its value."""

    name: str
    kind: str
    help: str
    samples: list[tuple[str, float]]

    def __str__(self) -> str:
        lines = [f"# HELP {self.name} {self.help}", f"# TYPE {self.name} {self.kind}"]
        return "\n".join(lines + [f"{self.name}{labels} {value:.15g}" for labels, value in self.samples]) + "\n"


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
        queues = [('{queue="inbox"}', inward[0], inward[1]), ('{queue="outbox"}', outward[0], outward[1])]
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        pids = [pid for pid in self._supervisor.workers if pid is not None]
        return "".join(
            str(Metric(f"exponential_gateway_{name}", kind, what, samples))
            for name, kind, what, samples in (
                (
                    "sessions",
                    "gauge",
                    "Sessions by state, on all nodes.",
                    [(f'{{state="{state}"}}', float(states.get(state, 0))) for state in _ALL_STATES],
                ),
                ("messages_in_total", "counter", "Messages recorded here.", [("", float(self._reports.recorded))]),
                ("messages_out_total", "counter", "Messages sent from here.", [("", float(self._supervisor.sent))]),
                (
                    "queue_depth",
                    "gauge",
                    "Messages that wait, for the app (inbox) or for WhatsApp (outbox).",
                    [(label, float(count)) for label, count, _ in queues],
                ),
                (
                    "queue_oldest_seconds",
                    "gauge",
                    "Age of the oldest message that waits.",
                    [(label, _age(oldest)) for label, _, oldest in queues],
                ),
                (
                    "reconnects_total",
                    "counter",
                    "Connections to WhatsApp that broke here.",
                    [("", float(self._supervisor.reconnects))],
                ),
                (
                    "contacts_over_limit",
                    "gauge",
                    "Contacts that were told in the last hour that they wrote too much.",
                    [("", float(limited or 0))],
                ),
                ("peak_memory_bytes", "gauge", "Most memory this process has had.", [("", float(own))]),
                ("worker_memory_bytes", "gauge", "Resident memory of each worker.", list(_memory(pids))),
            )
        )


def _age(oldest: datetime | None) -> float:
    return (clock.now() - oldest).total_seconds() if oldest else 0.0


def _memory(pids: list[int]) -> Iterable[tuple[str, float]]:
    """Resident bytes of each process, where /proc tells."""
    for pid in pids:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
        except (OSError, IndexError):
            continue
        yield f'{{pid="{pid}"}}', float(pages * resource.getpagesize())
