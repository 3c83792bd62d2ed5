"""Running a task that does nothing, in the base zygote, before anything is forked from it.

The first run of any code writes to memory: bytecode is specialised, caches of types and loggers are
filled. What the zygote has written already its children share; what they write themselves the
kernel copies for each of them, page by page, and that is most of what a short task costs.
"""

import socket
from datetime import UTC, datetime

from tradewind.protocol.clock import Clock
from tradewind.protocol.orders import BundleRef, RunFacts, TaskOrder
from tradewind.protocol.ports import bound_port
from tradewind.runtime.channel import Channel
from tradewind.runtime.execute import run_task
from tradewind.runtime.output import TaskOutput
from tradewind.runtime.recording import RecordingPort
from tradewind.sdk.dags import DAG
from tradewind.sdk.decorators import task

_TIMES = 10
"""After about eight runs of a function the interpreter has specialised it."""


def rehearse(output: TaskOutput, clock: Clock) -> None:
    """Run a task as a task process would, and throw its words away."""
    stage, audience = socket.socketpair()
    with stage, audience, DAG("rehearsal", schedule=None) as dag:
        task(_act)()
        channel = Channel(stage)
        port = RecordingPort(None)
        bound = bound_port.set(port)
        output.bind(channel)
        for _ in range(_TIMES):
            channel.send(run_task(_order(), {dag.dag_id: dag}, port, clock))
            output.finish()
            audience.recv(1 << 20)
        output.unbind()
        bound_port.reset(bound)


def _act() -> int:
    print("Nobody listens")  # noqa: T201 the way of a task's output is what is rehearsed
    return 1


def _order() -> TaskOrder:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return TaskOrder(
        attempt_id=0,
        epoch=0,
        token="",
        ti_id=0,
        task_id=_act.__name__,
        run=RunFacts(
            dag_id="rehearsal",
            run_id="rehearsal",
            run_type="manual",
            run_after=when,
            logical_date=when,
            data_interval_start=when,
            data_interval_end=when,
            start_date=when,
        ),
        bundle=BundleRef(name="rehearsal", root="", dags_folder=""),
        file="",
    )
