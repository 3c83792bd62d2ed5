"""The numbers of leases and fences, and what an installation says of its runs."""

from datetime import timedelta

import msgspec

from tradewind.core.runs import LEGAL_RUN_IDS
from tradewind.store.callbacks import CallbackPolicy
from tradewind.store.files import ParsePolicy


class LeasePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Lengths that must fit each other: ``renew < fence < lease``.

    A worker ends its own tasks ``fence`` after its last renewal, within five more seconds; the
    reaper gives them to others only ``reap_margin`` after the lease is over. So the old process is
    dead before the new one starts, whatever the clocks say.
    """

    lease: timedelta = timedelta(seconds=30)
    renew: timedelta = timedelta(seconds=5)
    fence: timedelta = timedelta(seconds=20)
    reap_margin: timedelta = timedelta(seconds=5)
    scheduler_lease: timedelta = timedelta(seconds=15)
    parse: ParsePolicy = ParsePolicy()
    callbacks: CallbackPolicy = CallbackPolicy()

    @classmethod
    def of_lease(cls, seconds: float, parse: ParsePolicy | None = None) -> "LeasePolicy":
        """Answer lengths that fit a worker's lease of so many seconds."""
        lease = timedelta(seconds=seconds)
        return cls(lease=lease, renew=lease / 6, fence=lease * 2 / 3, parse=parse or ParsePolicy())


class RunPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What an installation says of runs, where their Dag does not."""

    conf_overrides_params: bool = True
    """Whether a run's conf goes over its Dag's Params."""
    allowed_run_ids: str = LEGAL_RUN_IDS
    """What an id that somebody chooses must match as a whole: a regular expression."""
    most_failed_runs: int = 0
    """After how many failed runs in a row a Dag is paused; 0: it is not."""
