"""Backfills: planned, made, held, ended. Each is one transaction."""

from collections.abc import Mapping
from datetime import datetime

from tradewind.core import backfill as planned
from tradewind.core.backfill import DateDecision, ExistingRun, Reprocess
from tradewind.core.events import RunMoved
from tradewind.core.params import check_conf
from tradewind.core.runs import Run, RunType, run_id_of
from tradewind.core.spec import DagSpec
from tradewind.core.states import RunState
from tradewind.core.timetables import RunInfo
from tradewind.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from tradewind.scheduler.code import LATEST, PINNED, Code, code_of_version, newest_code
from tradewind.scheduler.commands import Commands, find_run, find_runnable
from tradewind.scheduler.forecasts import question_of_backfill
from tradewind.scheduler.planner import Planner
from tradewind.scheduler.policy import RunPolicy
from tradewind.scheduler.runs import Runs
from tradewind.scheduler.wishes import BackfillWish
from tradewind.store import attempts, backfills, runs
from tradewind.store.backfills import BackfillDate, BackfillFacts
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx


class Backfills:
    """Carries out what people ask of backfills, or refuses it and changes nothing."""

    def __init__(self, live: Runs, planner: Planner, commands: Commands, rules: RunPolicy) -> None:
        """Bind the parts, and what the installation says of its runs."""
        self._overrides = rules.conf_overrides_params
        self._live = live
        self._planner = planner
        self._commands = commands

    def plan(self, tx: Tx, wish: BackfillWish, now: datetime) -> list[BackfillDate]:
        """Answer what a backfill would do with each date; changes nothing.

        Raises:
            NotFoundError: There is no such Dag.
            ConflictError: The Dag has an active backfill.
            RefusedError: The range or the Dag does not allow it.
        """
        _, _, dates = self._plan(tx, wish, now)
        return [_stored(place, date, {}) for place, date in enumerate(dates)]

    def create(
        self, tx: Tx, wish: BackfillWish, now: datetime
    ) -> tuple[BackfillFacts, list[BackfillDate]]:
        """Make the runs of a backfill; they start as its own limit allows.

        Raises:
            NotFoundError: There is no such Dag.
            ConflictError: The Dag has an active backfill.
            RefusedError: The range or the Dag does not allow it.
        """
        facts, spec, dates = self._plan(tx, wish, now)
        of_dag = PINNED if spec.rerun_with_latest_version is False else LATEST
        asked = wish.code or of_dag
        code = self._code(tx, facts, spec, asked)
        new = BackfillFacts(
            dag_id=wish.dag_id,
            from_date=wish.from_date,
            to_date=wish.to_date,
            max_active_runs=wish.max_active_runs,
            reprocess_behavior=wish.reprocess_behavior,
            run_backwards=wish.run_backwards,
            conf=wish.conf,
            code=asked,
            created_at=now,
        )
        backfill_id = backfills.insert_backfill(tx, new)
        again = {
            place: self._run_again(tx, backfill_id, place, code, wish, date, now)
            for place, date in enumerate(dates)
            if date.decision is DateDecision.CLEAR
        }
        fresh = {
            place: _new_run(wish, backfill_id, date.info)
            for place, date in enumerate(dates)
            if date.decision is DateDecision.CREATE
        }
        keys = {}
        if fresh:
            made_of = code or newest_code(tx, facts, spec)
            keys = self._planner.make_many(tx, made_of, backfill_id, fresh, now)
        made = [_stored(place, one, keys | again) for place, one in enumerate(dates)]
        backfills.insert_backfill_dates(tx, backfill_id, made)
        if not again and not fresh:
            backfills.complete_backfill(tx, backfill_id, now)
        return _backfill(tx, backfill_id), made

    def _code(self, tx: Tx, facts: DagFacts, spec: DagSpec, asked: str) -> Code | None:
        """Answer what all runs are to run; None: what each ran before, the newest for new ones."""
        if asked == LATEST:
            return newest_code(tx, facts, spec)
        if asked == PINNED:
            return None
        return code_of_version(tx, facts, spec, int(asked))

    def _run_again(
        self,
        tx: Tx,
        backfill_id: int,
        place: int,
        code: Code | None,
        wish: BackfillWish,
        date: planned.BackfillDate,
        now: datetime,
    ) -> int:
        run = find_run(tx, wish.dag_id, date.run_id or "")
        runs.adopt_run(tx, run.pk, backfill_id, place)
        self._commands.start_over(tx, run.pk, code, wish.conf, now)
        return run.pk

    def _told(self, tx: Tx, spec: DagSpec, wish: BackfillWish) -> tuple[RunInfo, ...] | None:
        """Answer the ticks that a timetable of the author's own told of; None for other ones."""
        asked = question_of_backfill(spec.timetable, spec.start_date, wish)
        if asked is None:
            return None
        told = self._planner.forecasts.answer(tx, wish.dag_id, asked)
        if told is None:
            raise UnavailableError(
                "timetable-unanswered",
                f"No worker has told the dates of Dag '{wish.dag_id}'.",
                "Try again.",
            )
        return told.ticks

    def _plan(
        self, tx: Tx, wish: BackfillWish, now: datetime
    ) -> tuple[DagFacts, DagSpec, list[planned.BackfillDate]]:
        facts = find_runnable(tx, wish.dag_id)
        spec = facts.decode_spec()
        check_conf(spec.dag_id, spec.params, wish.conf, overrides=self._overrides)
        there = runs.read_runs_between(tx, wish.dag_id, wish.from_date, wish.to_date)
        living = attempts.read_runs_with_live_attempts(tx, wish.dag_id)
        active = backfills.read_active_backfills_of(tx, wish.dag_id)
        dates = planned.plan_backfill(
            spec,
            planned.BackfillWish(
                from_date=wish.from_date,
                to_date=wish.to_date,
                reprocess=_reprocess(wish.reprocess_behavior),
                run_backwards=wish.run_backwards,
                max_active_runs=wish.max_active_runs,
            ),
            now=now,
            told=self._told(tx, spec, wish),
            existing={
                # A run that timed out is in flight until the last of its tasks has been ended.
                date: ExistingRun(
                    run_id=run.run_id,
                    state=RunState.RUNNING if run.pk in living else run.state,
                )
                for date, run in there.items()
            },
            active={one.id: (one.from_date, one.to_date) for one in active},
        )
        return facts, spec, dates

    def pause(self, tx: Tx, backfill_id: int, paused: bool, now: datetime) -> BackfillFacts:
        """Hold or resume a backfill; runs that run go on.

        Raises:
            NotFoundError: There is no such backfill.
            ConflictError: It is completed.
        """
        facts = _backfill(tx, backfill_id)
        if not backfills.set_backfill_paused(tx, backfill_id, paused, now):
            raise _completed(facts)
        self._planner.look_again()
        return _backfill(tx, backfill_id)

    def resize(self, tx: Tx, backfill_id: int, limit: int, now: datetime) -> BackfillFacts:
        """Let so many runs of a backfill run at once from now on; those that run go on.

        Raises:
            NotFoundError: There is no such backfill.
            ConflictError: It is completed.
            RefusedError: The limit is below 1.
        """
        planned.check_max_active_runs(limit)
        facts = _backfill(tx, backfill_id)
        if not backfills.set_backfill_limit(tx, backfill_id, limit, now):
            raise _completed(facts)
        self._planner.look_again()
        return _backfill(tx, backfill_id)

    def cancel(self, tx: Tx, backfill_id: int, now: datetime) -> BackfillFacts:
        """End a backfill: its queued runs fail, runs that run go on.

        Whichever of them is cleared later runs again.

        Raises:
            NotFoundError: There is no such backfill.
            ConflictError: It is completed.
        """
        facts = _backfill(tx, backfill_id)
        if not backfills.complete_backfill(tx, backfill_id, now, is_cancelled=True):
            raise _completed(facts)
        wish = runs.RunFilter(backfill_id=backfill_id, states=("queued",))
        for run in runs.list_runs(tx, wish, limit=planned.MOST_DATES):
            live = self._live.load(tx, run.pk)
            moved = RunMoved(
                old=RunState.QUEUED,
                new=RunState.FAILED,
                at=now,
                reason="its backfill was cancelled",
            )
            self._live.record(live, moved, now)
        return _backfill(tx, backfill_id)


def _new_run(wish: BackfillWish, backfill_id: int, info: RunInfo) -> Run:
    return Run(
        dag_id=wish.dag_id,
        run_id=run_id_of(RunType.BACKFILL, info.run_after, info.logical_date),
        run_type=RunType.BACKFILL,
        logical_date=info.logical_date,
        data_interval_start=info.data_interval_start,
        data_interval_end=info.data_interval_end,
        run_after=info.run_after,
        conf=wish.conf,
        triggered_by="backfill",
        backfill_id=backfill_id,
    )


def _reprocess(text: str) -> Reprocess:
    try:
        return Reprocess(text)
    except ValueError:
        raise RefusedError(
            "bad-reprocess-behavior",
            f"There is no reprocess behavior '{text}'.",
            "Use none, failed or completed.",
        ) from None


def _stored(place: int, date: planned.BackfillDate, keys: Mapping[int, int]) -> BackfillDate:
    return BackfillDate(
        position=place,
        logical_date=date.logical_date,
        decision=date.decision.value,
        reason=date.reason or None,
        run_pk=None if date.decision is DateDecision.SKIP else keys.get(place),
    )


def _backfill(tx: Tx, backfill_id: int) -> BackfillFacts:
    facts = backfills.read_backfill(tx, backfill_id)
    if facts is None:
        raise NotFoundError("backfill-not-found", f"There is no backfill {backfill_id}.")
    return facts


def _completed(facts: BackfillFacts) -> ConflictError:
    return ConflictError(
        "backfill-completed", f"Backfill {facts.id} of Dag '{facts.dag_id}' is completed already."
    )
