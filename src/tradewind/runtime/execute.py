"""Running one attempt of a task: context, templates, execute, XCom, callbacks, outcome."""

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import FrameType
from typing import Any

from tradewind.core.mapping import index_in_level, prefixes_of
from tradewind.core.states import LegState
from tradewind.protocol.child import Done
from tradewind.protocol.clock import Clock, SystemClock
from tradewind.protocol.leaving import Deferral, InputRequest
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.ports import TaskPort
from tradewind.protocol.reports import AssetEventPush, XComPush
from tradewind.runtime import listening
from tradewind.runtime.callbacks import call_each, callback_id_of, callbacks_of
from tradewind.runtime.context import TaskContext, build_context
from tradewind.runtime.data import check_references, is_state_cleared_on_success
from tradewind.runtime.faults import one_line, user_traceback
from tradewind.runtime.policies import ask_about_instance
from tradewind.runtime.rendered import extra_links, map_label, rendered_fields
from tradewind.runtime.resuming import (
    begin,
    deferral_of,
    execution_limit,
    request_of,
    time_left,
    written_question,
)
from tradewind.runtime.run_making import make_run
from tradewind.sdk.asset_events import OutletEvents
from tradewind.sdk.calling import run_to_end
from tradewind.sdk.configuration import conf
from tradewind.sdk.context import set_current_context
from tradewind.sdk.context_vars import context_to_airflow_vars
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTerminated,
    AirflowTaskTimeout,
    DagRunTriggerException,
    DownstreamTasksSkipped,
    TaskAwaitingInput,
    TaskDeferred,
    UnmappableXComLengthPushed,
    UnmappableXComTypePushed,
    XComForMappingNotPushed,
)
from tradewind.sdk.levels import mapped_groups
from tradewind.sdk.nesting import at_work
from tradewind.sdk.references import XCOM_RETURN_KEY
from tradewind.sdk.retry_policies import RetryAction, judge
from tradewind.sdk.serde import length_of, pickling
from tradewind.sdk.xcom import backend

OnFailure = Callable[[BaseException], None]

_ENDED = frozenset({LegState.SUCCESS, LegState.FAILED})

log = logging.getLogger("tradewind.task")


def run_task(
    order: TaskOrder,
    dags: Mapping[str, DAG],
    port: TaskPort,
    clock: Clock | None = None,
    *,
    heeds_ctrl_c: bool = True,
    test_mode: bool = False,
    on_failure: OnFailure | None = None,
    is_ended: Callable[[], bool] = lambda: False,
) -> Done:
    """Run one leg of one try in this process and answer how it ended, whatever user code raises.

    ``port`` must be bound already. The return value's XCom comes with the answer, so that it is
    recorded together with the outcome; what the task pushes itself goes through the port.
    ``on_failure`` is given what a task that failed raised, before any callback runs. ``test_mode``
    is what the context says of it. ``is_ended`` tells whether this process was told to end: what
    becomes of its task is then decided elsewhere, and its callbacks are run there.

    Raises:
        KeyboardInterrupt: A person pressed Ctrl-C: not the task, but the whole run is to stop.
            Without ``heeds_ctrl_c`` (no person is near) it is a failure like others.
    """
    attempt = _Attempt(order, dags, port, clock or SystemClock())
    attempt.test_mode = test_mode
    attempt.on_failure = on_failure
    attempt.is_ended = is_ended
    try:
        return attempt.run(KeyboardInterrupt if heeds_ctrl_c else ())
    except KeyboardInterrupt:
        attempt.kill_quietly()
        raise


class _Attempt:
    def __init__(
        self, order: TaskOrder, dags: Mapping[str, DAG], port: TaskPort, clock: Clock
    ) -> None:
        self.order = order
        self.dags = dags
        self.port = port
        self.clock = clock
        self.started_at = clock.now().timestamp()
        self.pid = os.getpid()
        self.task: Any = None
        self.context: TaskContext | None = None
        self.xcoms: list[XComPush] = []
        self.wake_at: float | None = None
        self.retry = True
        self.skips: list[str] = []
        self.retry_delay: float | None = None
        self.retry_reason = ""
        self.deferral: Deferral | None = None
        self.input_request: InputRequest | None = None
        self.test_mode = False
        self.on_failure: OnFailure | None = None
        self.is_ended: Callable[[], bool] = lambda: False
        self.rendered = b""
        self.map_label = ""

    def run(self, lets_pass: type[BaseException] | tuple[()]) -> Done:
        """Run, and turn whatever happens, but what is to pass, into an outcome."""
        listening.tell("on_starting", component=self)
        try:
            self._begin()
            outcome, error = LegState.SUCCESS, ""
        except lets_pass:
            raise
        except BaseException as raised:  # noqa: BLE001 - whatever user code raises is its outcome
            outcome, error = self._outcome_of(raised)
        if outcome is not LegState.SUCCESS:
            self.xcoms = []
        called = ""
        try:
            called = self._call_back(outcome)
        except AirflowTaskTerminated:
            # The task itself is over; how it ended stands.
            log.warning("A callback was ended from outside")
        listening.tell("before_stopping", component=self)
        return Done(
            outcome=outcome.value,
            started_at=self.started_at,
            ended_at=self.clock.now().timestamp(),
            pid=self.pid,
            xcoms=tuple(self.xcoms),
            retry=self.retry,
            error=error,
            wake_at=self.wake_at,
            deferral=self.deferral,
            input_request=self.input_request,
            rendered=self.rendered,
            map_label=self.map_label,
            links=self._links(outcome),
            asset_events=self._asset_events(outcome),
            clears_state=outcome is LegState.SUCCESS and is_state_cleared_on_success(),
            skips=self._chosen_skips(outcome),
            retry_delay_seconds=self.retry_delay,
            retry_reason=self.retry_reason,
            called=called,
        )

    def _asset_events(self, outcome: LegState) -> tuple[AssetEventPush, ...]:
        if outcome is not LegState.SUCCESS or self.context is None or not self.task.outlets:
            return ()
        events: OutletEvents = self.context["outlet_events"]
        return events.pushes()

    def _chosen_skips(self, outcome: LegState) -> tuple[str, ...]:
        if outcome is not LegState.SUCCESS or self.context is None:
            return ()
        return tuple(dict.fromkeys([*self.context["ti"].chosen_skips, *self.skips]))

    def _begin(self) -> None:
        order = self.order
        dag = self.dags.get(order.run.dag_id)
        if dag is None:
            raise AirflowFailException(
                f"{order.file} has no Dag '{order.run.dag_id}' any more; it has "
                f"{', '.join(self.dags) or 'none'}"
            )
        task = dag.get_task(order.task_id)
        self.task = task
        self.context = build_context(order, task, self.port)
        if self.test_mode:
            self.context["test_mode"] = True
        with set_current_context(self.context), pickling(allowed=_pickles(task)):
            os.environ.update(context_to_airflow_vars(self.context, in_env_var_format=True))
            self._forget_xcoms()
            check_references(task, self.port)
            self._render(self.context)
            self.rendered = rendered_fields(self.task)
            self._execute_labelled(self.context)

    def _forget_xcoms(self) -> None:
        """Have the backend remove what an earlier try keeps elsewhere; rows are gone already."""
        order, run = self.order, self.order.run
        if order.leg == 1 and (order.try_number > 1 or run.clear_number):
            backend().purge_instance(run.dag_id, run.run_id, order.task_id, order.map_index)

    def _render(self, context: TaskContext) -> None:
        seen: set[int] = set()
        if self.task.is_mapped:
            context["expanded_ti_count"] = self.task.map_input.length(context)
            path = self.order.map_path
            index = index_in_level(path) if path else self.order.map_index
            self.task, seen = self.task.unmap_at(context, index)
        else:
            self.task = self.task.prepare_for_execution()
        context["task"] = self.task
        context["ti"].bind(self.task, context)
        ask_about_instance(context["ti"], self.task)
        self.task.resolve_template_files()
        self.task.render_template_fields(context, None, seen)

    def _execute_labelled(self, context: TaskContext) -> None:
        """Execute; then make the label, which may name what the task itself put in its context."""
        try:
            self._execute(context)
        except Exception:
            with contextlib.suppress(Exception):
                self.map_label = self._label(context)
            raise
        finally:
            if self.task.overwrite_rtif_after_execution:
                self.rendered = rendered_fields(self.task)
        self.map_label = self._label(context)

    def _label(self, context: TaskContext) -> str:
        return map_label(self.task, context) if self.order.map_index >= 0 else ""

    def _links(self, outcome: LegState) -> dict[str, str]:
        if outcome not in _ENDED or self.context is None or not self.task.operator_extra_links:
            return {}
        return extra_links(self.task, self.context["ti"])

    def _execute(self, context: TaskContext) -> None:
        task = self.task
        listening.tell(
            "on_task_instance_running", previous_state="queued", task_instance=context["ti"]
        )
        task.pre_execute(context)
        if task.on_execute_callback:
            known_by = callback_id_of(self.order, "execute")
            call_each(task.on_execute_callback, context, "on_execute_callback", known_by)
        limit = time_left(task, self.order, self.clock.now())
        with time_limit(limit, task.task_id), at_work(task):
            result = _run(task, self.order, context)
        self._push(result)
        task.post_execute(context, result)

    def _push(self, result: Any) -> None:
        task = self.task
        if result is None or not task.do_xcom_push:
            self._check_mappable(XCOM_RETURN_KEY, None)
            return
        if task.multiple_outputs:
            if not isinstance(result, Mapping):
                raise AirflowException(
                    f"Task '{task.task_id}' has multiple outputs, so it must return a dict, not "
                    f"{type(result).__name__}"
                )
            for key, value in result.items():
                if not isinstance(key, str):
                    raise AirflowException(
                        f"Task '{task.task_id}' has multiple outputs, so its keys must be strings; "
                        f"{key!r} is {type(key).__name__}"
                    )
                self._keep(key, value)
        self._keep(XCOM_RETURN_KEY, result)

    def _keep(self, key: str, value: Any) -> None:
        assert self.context is not None  # noqa: S101 - it was made before anything ran
        self._check_mappable(key, value)
        self.xcoms.append(
            XComPush(
                attempt_id=self.order.attempt_id,
                epoch=self.order.epoch,
                key=key,
                value=self.context["ti"].kept(key, value),
                length=length_of(value),
            )
        )

    def _check_mappable(self, key: str, value: Any) -> None:
        """Refuse what a task below is mapped over and cannot be, while the blame is clear."""
        if not self._is_mapped_over(key):
            return
        length = length_of(value)
        if value is None:
            raise XComForMappingNotPushed(
                f"A task is mapped over what '{self.task.task_id}' pushes, which must be a list or "
                "a dict; it pushed nothing"
            )
        if length is None:
            kind = type(value).__name__
            raise UnmappableXComTypePushed(
                f"A task is mapped over what '{self.task.task_id}' pushes, which must be a list or "
                f"a dict; it pushed {kind}"
            )
        longest = conf.getint("core", "max_map_length")
        if length > longest:
            raise UnmappableXComLengthPushed(
                f"A task is mapped over what '{self.task.task_id}' pushes: {length} items are more "
                f"than the {longest} allowed ([core] max_map_length)"
            )

    def _is_mapped_over(self, key: str) -> bool:
        """Say whether the length of what this instance pushes is that of a mapping below."""
        dag = self.dags[self.order.run.dag_id]
        if len(prefixes_of(self.order.map_path)) - 1 > len(mapped_groups(self.task)):
            # One of several instances: each is one item of what is mapped over them.
            return False
        for below in self.task.downstream_task_ids:
            task = dag.get_task(below)
            mapped = [(group.map_input, group) for group in mapped_groups(task)]
            if task.is_mapped:
                mapped.append((task.map_input, task))
            for map_input, owner in mapped:
                sources = {(one.task_id, name) for one, name in map_input.iter_references()}
                if (self.order.task_id, key) in sources and self._is_length_for(owner):
                    return True
        return False

    def _is_length_for(self, mapped: Any) -> bool:
        around = mapped_groups(mapped)
        return all(group in around for group in mapped_groups(self.task))

    def _outcome_of(self, raised: BaseException) -> tuple[LegState, str]:
        match raised:
            case AirflowSkipException():
                log.info("Skipped: %s", raised)
                return LegState.SKIPPED, ""
            case DownstreamTasksSkipped(tasks=tasks):
                self.skips += [one if isinstance(one, str) else one[0] for one in _listed(tasks)]
                return LegState.SUCCESS, ""
            case AirflowRescheduleException(reschedule_date=date):
                self.wake_at = date.timestamp()
                log.info("Goes on at %s", date)
                return LegState.RESCHEDULED, ""
            case TaskDeferred() | TaskAwaitingInput():
                return self._leave(raised)
            case AirflowTaskTerminated():
                return LegState.KILLED, self._end_from_outside(raised)
        if isinstance(raised, AirflowTaskTimeout):
            self.kill_quietly()
        self.retry = not isinstance(raised, AirflowFailException | AirflowSensorTimeout)
        self._ask_policy(raised)
        log.error(
            "Task failed: %s", one_line(raised), extra={"error_detail": user_traceback(raised)}
        )
        if self.context is not None:
            self.context["exception"] = raised
        if self.on_failure is not None:
            self.on_failure(raised)
        return LegState.FAILED, one_line(raised)

    def _ask_policy(self, raised: BaseException) -> None:
        policy = getattr(self.task, "retry_policy", None)
        order = self.order
        if policy is None or not self.retry or order.try_number > order.max_tries:
            return
        decision = judge(policy, raised, order.try_number, order.max_tries, self.context)
        self.retry = decision.action is not RetryAction.FAIL
        self.retry_reason = decision.reason or ""
        if decision.action is RetryAction.RETRY and decision.retry_delay is not None:
            self.retry_delay = decision.retry_delay.total_seconds()

    def _leave(self, raised: TaskDeferred | TaskAwaitingInput) -> tuple[LegState, str]:
        try:
            if isinstance(raised, TaskAwaitingInput):
                self.input_request = request_of(raised, self.clock.now())
                log.info("Waits for a person's answer: %s", self.input_request.subject)
                return LegState.AWAITING_INPUT, ""
            limit = execution_limit(self.task, self.order)
            self.deferral = deferral_of(raised, limit, self.clock.now())
            self.input_request = written_question()
        except Exception as fault:  # noqa: BLE001 - a wait that cannot be told of fails its task
            return self._outcome_of(fault)
        log.info("Deferred to %s", self.deferral.classpath)
        return LegState.DEFERRED, ""

    def _end_from_outside(self, raised: BaseException) -> str:
        if os.getpid() != self.pid:
            # A process that the task forked took the signal; the task itself goes on.
            os._exit(143)
        log.warning("Task is ended from outside; calling on_kill()")
        if self.context is not None:
            self.context["exception"] = raised
        self.kill_quietly()
        return one_line(raised)

    def kill_quietly(self) -> None:
        """Have the task clean up; what goes wrong with that is logged."""
        try:
            if self.task is not None and not self.task.is_mapped:
                self.task.on_kill()
        except Exception:
            log.exception("on_kill() failed")

    def _call_back(self, outcome: LegState) -> str:
        """Tell whoever wants to know how the try ended; answer which callbacks were run."""
        event = self._event_of(outcome)
        if event is None or self.context is None or self.task is None:
            return ""
        listening.tell_task(event, self.context["ti"], self.context.get("exception"))
        if outcome is LegState.KILLED or self.is_ended():
            # Whether there is another try, or another state altogether, is not for it to say.
            return ""
        callbacks = callbacks_of(self.task, event)
        if callbacks:
            known_by = callback_id_of(self.order, event)
            with set_current_context(self.context):
                call_each(callbacks, self.context, f"on_{event}_callback", known_by)
        return event

    def _event_of(self, outcome: LegState) -> str | None:
        if outcome in (LegState.FAILED, LegState.KILLED):
            again = self.retry and self.order.try_number <= self.order.max_tries
            return "retry" if again else "failure"
        return {LegState.SUCCESS: "success", LegState.SKIPPED: "skipped"}.get(outcome)


def _listed(tasks: Any) -> list[Any]:
    return [tasks] if isinstance(tasks, str) else list(tasks)


def _pickles(task: Any) -> bool:
    settings = task.partial_kwargs if task.is_mapped else task.__dict__
    return bool(settings.get("xcom_pickle"))


def _run(task: Any, order: TaskOrder, context: TaskContext) -> Any:
    try:
        return run_to_end(begin(task, order, context))
    except DagRunTriggerException as wish:
        make_run(wish, context)
    return None


def is_debugged() -> bool:
    """Say whether a debugger watches this process."""
    if sys.gettrace() is not None:
        return True
    monitoring = getattr(sys, "monitoring", None)
    return monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None


@contextlib.contextmanager
def time_limit(span: timedelta | None, task_id: str) -> Iterator[None]:
    """End the block with AirflowTaskTimeout after this span; only in the main thread.

    Raises:
        AirflowTaskTimeout: The block took longer.
    """
    if span is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    if span.total_seconds() <= 0:
        raise AirflowTaskTimeout(f"Task '{task_id}' has no time: its execution_timeout is {span}")

    def expire(number: int, frame: FrameType | None) -> None:
        if is_debugged():
            # A person looks at the task; its time is not what is examined.
            return
        raise AirflowTaskTimeout(f"Task '{task_id}' ran longer than its execution_timeout, {span}")

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, span.total_seconds())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
