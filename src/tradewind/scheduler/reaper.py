"""The reaper: ends the leases of workers that died, froze or were cut off."""

from datetime import datetime

from tradewind.scheduler.callbacks import Callbacks
from tradewind.scheduler.desk import Desk
from tradewind.scheduler.policy import LeasePolicy
from tradewind.store import attempts, files, workers
from tradewind.store.database import Tx


class Reaper:
    """Gives back what overdue workers held, once they must have ended it themselves."""

    def __init__(self, desk: Desk, callbacks: Callbacks, policy: LeasePolicy) -> None:
        """Bind the parts."""
        self._desk = desk
        self._callbacks = callbacks
        self._policy = policy

    def overdue_since(self, now: datetime) -> datetime:
        """Answer the end of the leases that are over by the margin now, and must be ended."""
        return now - self._policy.reap_margin

    def reap(self, tx: Tx, now: datetime) -> int:
        """Close the rows of workers whose lease is over by the margin; answer how many."""
        overdue = workers.read_overdue_workers(tx, self.overdue_since(now))
        for worker in overdue:
            workers.end_worker(tx, worker.id, "dead")
            held = attempts.read_live_attempts(tx, worker.id)
            self._desk.lose(tx, worker, held, now, "died, froze or was cut off")
            files.return_parse_jobs(tx, worker.id, (), now, lost=True)
            self._callbacks.lose(tx, worker.id, now, lost=True)
        return len(overdue)

    def extend(self, tx: Tx, now: datetime) -> None:
        """Let all leases start anew: nobody could have renewed them while this server was away."""
        workers.extend_leases(tx, now + self._policy.lease)

    def look_at(self, lease_end: datetime) -> datetime:
        """Answer when a worker is overdue whose lease ends at that moment."""
        return lease_end + self._policy.reap_margin
