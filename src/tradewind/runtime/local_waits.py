"""What tasks of a local run wait for: triggers on an event loop of this process, and its person."""

import asyncio
import contextlib
import logging
import queue
import sys
import threading
from collections.abc import Callable
from datetime import datetime

import msgspec

from tradewind.core.states import TaskState
from tradewind.protocol.child import Done
from tradewind.protocol.clock import Clock
from tradewind.protocol.leaving import TIMED_OUT, TRIGGER_FAILED, Deferral, InputRequest, Resume
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.ports import TaskPort, bound_port
from tradewind.protocol.reports import XComPush
from tradewind.protocol.triggers import Fired, TriggerOrder
from tradewind.runtime.resuming import seen_classes
from tradewind.runtime.triggering import (
    failed_by,
    find_class,
    fired_by,
    first_event,
    make_trigger,
)

log = logging.getLogger("tradewind.local")

Key = tuple[str, str]
"""Task id and map path."""


class Leg(msgspec.Struct):
    """Where the try of an instance stands: which leg comes, since when, and how it goes on."""

    number: int = 1
    reschedules: int = 0
    started_at: datetime | None = None
    resume: Resume | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What came of a wait: the task goes on, or ends as its trigger said."""

    resume: Resume | None = None
    end: Fired | None = None


class LocalWaits:
    """Runs triggers while the run goes on with what else is ready."""

    def __init__(self, clock: Clock) -> None:
        """Start no loop before there is a trigger."""
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outcomes: queue.SimpleQueue[tuple[Key, Outcome]] = queue.SimpleQueue()
        self.pending = 0
        """Waits whose outcome was not taken yet."""

    def defer(self, key: Key, order: TaskOrder, wait: Deferral, port: TaskPort) -> None:
        """Run a trigger until it says something, fails, or takes too long."""
        self.pending += 1
        asyncio.run_coroutine_threadsafe(self._run(key, order, wait, port), self._started())

    def ask(self, key: Key, request: InputRequest) -> None:
        """Ask whoever sits at this terminal; without anybody, the defaults are taken."""
        self.pending += 1
        self._outcomes.put((key, Outcome(resume=_answer_of(request, self._clock.now()))))

    def next(self) -> tuple[Key, Outcome]:
        """Wait for the next outcome."""
        self.pending -= 1
        return self._outcomes.get()

    def close(self) -> None:
        """End the triggers that still run."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = self._loop = asyncio.new_event_loop()

            def serve() -> None:
                asyncio.set_event_loop(loop)
                loop.run_forever()
                for one in asyncio.all_tasks(loop):
                    one.cancel()
                with contextlib.suppress(RuntimeError):
                    loop.run_until_complete(asyncio.sleep(0))
                loop.close()

            threading.Thread(target=serve, name="triggers", daemon=True).start()
        return self._loop

    async def _run(self, key: Key, order: TaskOrder, wait: Deferral, port: TaskPort) -> None:
        bound_port.set(port)
        names = [n for n in TriggerOrder.__struct_fields__ if n in TaskOrder.__struct_fields__]
        fields = {name: getattr(order, name) for name in names}
        told = TriggerOrder(
            **fields, trigger_id=order.ti_id, classpath=wait.classpath, kwargs=wait.kwargs
        )
        left = None
        if wait.timeout_at is not None:
            left = (wait.timeout_at - self._clock.now()).total_seconds()
        try:
            async with asyncio.timeout(left):
                fired = await _first(told, port)
        except TimeoutError:
            fired = None
        except asyncio.CancelledError:
            return
        self._outcomes.put((key, _outcome_of(wait, fired)))


async def _first(order: TriggerOrder, port: TaskPort) -> Fired:
    trigger = None
    try:
        trigger = make_trigger(seen_classes.get(order.classpath) or find_class(order), order, port)
        return fired_by(order, await first_event(trigger))
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is its outcome
        return failed_by(order, error)
    finally:
        if trigger is not None:
            try:
                await trigger.cleanup()
            except Exception:
                log.exception("cleanup() of the trigger failed")


def _outcome_of(wait: Deferral, fired: Fired | None) -> Outcome:
    if fired is not None and fired.ends is not None:
        return Outcome(end=fired)
    resume = Resume(
        method=wait.method_name,
        kwargs=wait.method_kwargs,
        event=None if fired is None else fired.event,
        failure=TIMED_OUT if fired is None else "" if fired.event else TRIGGER_FAILED,
        detail="" if fired is None else fired.detail,
    )
    return Outcome(resume=resume)


def _answer_of(request: InputRequest, now: datetime) -> Resume:
    chosen = _choose(request) if _is_anybody_there() else request.defaults
    failure = TIMED_OUT if chosen is None else ""
    if chosen is None:
        log.warning("Nobody can be asked here: %s", request.subject)
    answer = {
        "chosen_options": list(chosen or ()),
        "params_input": {name: _value(one) for name, one in request.params.items()},
        "responded_by_user": None,
        "responded_at": now.isoformat(),
        "timedout": False,
    }
    return Resume(
        method=request.method_name,
        kwargs=request.method_kwargs,
        event=None if chosen is None else msgspec.json.encode(answer),
        failure=failure,
        is_answer=True,
    )


def _value(param: object) -> object:
    return param.get("value") if isinstance(param, dict) else param


def _is_anybody_there() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _choose(request: InputRequest, read: Callable[[str], str] = input) -> tuple[str, ...] | None:
    """Ask at the terminal until what is typed are options, by name or number."""
    lines = [request.subject, *([request.body] if request.body else [])]
    lines += [f"  {number}  {option}" for number, option in enumerate(request.options, start=1)]
    log.info("\n".join(lines))
    by_number = {str(number): option for number, option in enumerate(request.options, start=1)}
    hint = "options, separated by commas" if request.multiple else "one option"
    while True:
        typed = [part.strip() for part in read(f"Choose {hint}: ").split(",") if part.strip()]
        chosen = tuple(by_number.get(part, part) for part in typed)
        if not chosen and request.defaults is not None:
            return request.defaults
        fits = len(chosen) == 1 or (request.multiple and chosen)
        if fits and all(option in request.options for option in chosen):
            return chosen


def run_legs(
    order: TaskOrder, port: TaskPort, clock: Clock, run_leg: Callable[[TaskOrder], Done]
) -> Done:
    """Run a try of a task to its end: each leg by ``run_leg``, and the waits between them."""
    waits = LocalWaits(clock)
    key = order.task_id, order.map_path
    try:
        done = run_leg(order)
        while done.deferral is not None or done.input_request is not None:
            if done.deferral is not None:
                waits.defer(key, order, done.deferral, port)
            elif done.input_request is not None:
                waits.ask(key, done.input_request)
            _, came = waits.next()
            if came.end is not None:
                return _ended(order, done, came.end)
            order = msgspec.structs.replace(order, leg=order.leg + 1, resume=came.resume)
            done = run_leg(order)
        return done
    finally:
        waits.close()


def _ended(order: TaskOrder, done: Done, fired: Fired) -> Done:
    xcoms = tuple(
        XComPush(
            attempt_id=order.attempt_id, epoch=order.epoch, key=key, value=value, length=length
        )
        for key, value, length in fired.xcoms
    )
    outcome = (fired.ends or TaskState.SUCCESS).value
    return Done(outcome=outcome, started_at=done.started_at, ended_at=done.ended_at, xcoms=xcoms)
