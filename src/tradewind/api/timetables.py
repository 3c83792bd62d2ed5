"""Waiting for what a timetable of an author's own answers, before a wish is carried out."""

import asyncio

from anyio import from_thread

from tradewind.api.services import Services
from tradewind.errors import UnavailableError
from tradewind.protocol.timetables import TimetableQuestion
from tradewind.scheduler.callbacks import ANSWER_SECONDS
from tradewind.store.workers import read_live_workers

_PATIENCE_SECONDS = ANSWER_SECONDS + 15.0


def await_answer(services: Services, dag_id: str, question: TimetableQuestion | None) -> None:
    """Have a Dag's timetable asked by a worker, and wait for the answer; nothing for no question.

    To be called by a route that runs in a thread. What was answered is a row, and read as such.

    Raises:
        UnavailableError: No worker is there to ask, or none answered in time.
    """
    if question is None:
        return
    with services.database.read() as tx:
        workers = read_live_workers(tx)
    if not workers:
        raise UnavailableError(
            "no-worker-to-ask",
            f"Only a worker can tell the dates of Dag '{dag_id}', and none is alive.",
            "Start one with 'tradewind worker', or give a run its data interval.",
        )
    if not from_thread.run(_wait, services, dag_id, question):
        raise UnavailableError(
            "timetable-unanswered",
            f"No worker told the dates of Dag '{dag_id}' within {_PATIENCE_SECONDS:.0f} seconds.",
            "Look whether its workers are busy, and try again.",
        )


async def _wait(services: Services, dag_id: str, question: TimetableQuestion) -> bool:
    clock, loop = services.clock, asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_SECONDS

    def ask() -> "asyncio.Future[str]":
        unit = services.writer.submit(
            lambda tx: services.engine.ask_timetable(tx, dag_id, question, clock.now())
        )
        return asyncio.wrap_future(unit)

    key = await ask()
    if not key:
        return True
    with services.bell.listen(key) as line:
        # Asked again with the line open: what was answered before rings nobody.
        while await ask():
            left = until - loop.time()
            if left <= 0 or services.bell.is_closed:
                return False
            await line.wait(left)
    return True
