"""People who clear, mark and cancel in simulated runs; and what must hold of that."""

from typing import TYPE_CHECKING

from tests.simulation.holding import hold
from tests.simulation.server import Unit
from tests.simulation.shadow import Run, Ti
from tradewind.core.clearing import CLEARED, FAILED_STATES, MARKED, RUNNING_STATES, Choice, Pick
from tradewind.core.events import RunMoved, TaskMoved
from tradewind.core.states import TERMINAL_RUN, TERMINAL_TASK, RunState, TaskState
from tradewind.scheduler.marking import CANCELLED
from tradewind.scheduler.wishes import ClearWish, MarkWish, RunMark
from tradewind.store.chosen_runs import RunScope

if TYPE_CHECKING:
    from tests.simulation.world import World

BY_PEOPLE = (MARKED, CANCELLED)
"""How reasons begin that a person gave."""

MEDDLED = (MARKED, CLEARED)
_CLEARS = 0.5
_REGRETS = 0.4


def meddle(world: "World") -> None:
    """Clear, mark or cancel something, at a moment that suits nobody."""
    runs = [run for _, run in sorted(world.checker.shadow.runs.items())]
    if not runs:
        return
    # Mostly what moves: that is where it hurts.
    moving = [run for run in runs if run.state not in TERMINAL_RUN]
    run = world.rng.choice(moving if moving and world.rng.random() < 0.6 else runs)
    what = world.rng.random()
    if what < _CLEARS:
        _clear(world, run)
    elif what < 0.75:
        _mark(world, run)
    elif what < 0.9:
        _mark_run(world, run)
    else:
        dag_id, run_id = run.dag_id, run.run_id
        _submit(world, "cancel_run", lambda e, tx, now: e.cancel_run(tx, dag_id, run_id, "", now))
    if what >= _CLEARS and world.rng.random() < _REGRETS:
        # Before what was told to end has ended.
        world.after(world.rng.choice((1, 50, 500)), lambda: _clear(world, run))


def _submit(world: "World", name: str, work: object) -> None:
    world.server.submit(Unit(name, work))  # type: ignore[arg-type]


def _choice(world: "World", run: Run, *, with_setups: bool = True) -> Choice:
    rng = world.rng
    names = sorted({task_id for task_id, _ in run.tis})
    some = rng.sample(names, min(len(names), rng.choice((1, 1, 2)))) if rng.random() < 0.8 else []
    return Choice(
        picks=tuple(Pick(name) for name in some),
        upstream=rng.random() < 0.2,
        downstream=rng.random() < 0.4,
        with_setups=with_setups,
    )


def _clear(world: "World", run: Run) -> None:
    rng = world.rng
    choice = _choice(world, run)
    states = rng.choice((None, None, None, FAILED_STATES, RUNNING_STATES))
    past, future = rng.random() < 0.1, rng.random() < 0.1
    on_latest = rng.choice((None, None, False, True))
    wish = ClearWish(
        dag_id=run.dag_id,
        scope=RunScope(run_ids=(run.run_id,), past=past, future=future),
        choice=Choice(
            picks=choice.picks,
            upstream=choice.upstream,
            downstream=choice.downstream,
            states=states,
        ),
        # New tasks of a run that stays ended have nothing in the log that says so.
        reset_runs=on_latest is True or rng.random() < 0.9,
        only_new=on_latest is True and rng.random() < 0.2,
        prevent_running=rng.random() < 0.1,
        on_latest=on_latest,
    )
    _submit(world, "clear", lambda e, tx, now: e.clear(tx, wish, e.plan_clear(tx, wish).runs, now))


def _mark(world: "World", run: Run) -> None:
    state = world.rng.choice((TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED))
    wish = MarkWish(
        dag_id=run.dag_id,
        state=state,
        scope=RunScope(run_ids=(run.run_id,)),
        choice=_choice(world, run, with_setups=False),
    )
    _submit(world, "mark", lambda e, tx, now: e.mark(tx, wish, e.plan_mark(tx, wish), now))


def _mark_run(world: "World", run: Run) -> None:
    state = world.rng.choice((RunState.SUCCESS, RunState.FAILED, RunState.QUEUED))
    wish = RunMark(dag_id=run.dag_id, run_id=run.run_id, state=state)
    _submit(world, "mark_run", lambda e, tx, now: e.mark_run(tx, wish, now))


# ---------------------------------------------------------------------- what must hold


def check_marks_stand(ti: Ti, event: TaskMoved) -> None:
    """What ended stays as it ended until a person, or a retry as a whole, says otherwise (I7).

    And what was cleared while it ran starts over, however its process ended.
    """
    said = f"{ti.run.run_id}/{ti.key} went from {event.old} to {event.new}: {event.reason}"
    if event.old in TERMINAL_TASK and event.new in TERMINAL_TASK:
        hold("I7", event.reason.startswith(MARKED), said)
    if event.old is TaskState.RESTARTING and event.new is not TaskState.NONE:
        hold("I7", event.reason.startswith(ENDED_FROM_OUTSIDE), said)


ENDED_FROM_OUTSIDE = (*BY_PEOPLE, "fail_fast", "the run timed out")


def check_doom(run: Run, event: RunMoved) -> None:
    """A run that a person ended fails, once its teardowns have ended, whatever died meanwhile."""
    if event.new in TERMINAL_RUN and run.doom:
        hold("I7", event.new is RunState.FAILED, f"{run.run_id} was to fail: {run.doom}")


_UNTOLD = (
    "SELECT t.id, t.state FROM attempt a JOIN task_instance t ON t.id = a.ti_id "
    "WHERE a.state = 'running' AND t.state != 'running' AND a.cancel_reason IS NULL"
)


def find_untold(world: "World") -> str:
    """Answer which process nobody was told to end though its instance has moved on, if any."""
    for ti_id, state in world.server.journal.query(_UNTOLD):
        return f"instance {ti_id} is {state}, and nobody tells its process to end"
    return ""
