"""Callback and deadline rows: owed once, claimed once, and gone with their run."""

from datetime import timedelta

import pytest

from tests.conformance.store.catalog import later
from tests.conformance.store.conftest import NOW
from tradewind.core.runs import Run, RunType
from tradewind.protocol.callbacks import CallbackReport
from tradewind.store import callbacks, deadlines, runs
from tradewind.store.callbacks import CallbackPolicy, NewCallback
from tradewind.store.database import Database
from tradewind.store.deadlines import DeadlineFilter, NewDeadline
from tradewind.store.moments import read_moments

POLICY = CallbackPolicy(tries=2)


@pytest.fixture
def run_pk(database: Database) -> int:
    new = Run(dag_id="sales", run_id="one", run_type=RunType.MANUAL, run_after=NOW, version_id=1)
    with database.begin() as tx:
        return runs.insert_run(tx, new)


def owe(database: Database, run_pk: int, known_by: str = "c1") -> bool:
    new = NewCallback(callback_id=known_by, run_pk=run_pk, kind="dag", event="failure")
    with database.begin() as tx:
        return callbacks.add_callback(tx, new, NOW)


def test_a_callback_is_owed_once(database: Database, run_pk: int) -> None:
    assert owe(database, run_pk)
    assert not owe(database, run_pk)
    with database.begin() as tx:
        (one,) = callbacks.claim_callbacks(tx, "w1", 3, 9, NOW)
        assert callbacks.claim_callbacks(tx, "w2", 1, 9, NOW) == []
        assert (one.epoch, one.tries, callbacks.count_claimed(tx, "w1")) == (1, 1, 1)
        assert callbacks.is_claimed(tx, one.id, 1)
        report = CallbackReport(job_id=one.id, epoch=1, is_done=True, done=(0,))
        assert callbacks.apply_report(tx, report, NOW, POLICY) is not None
        assert callbacks.apply_report(tx, report, NOW, POLICY) is None
        (stored,) = callbacks.list_callbacks(tx, run_pk)
    assert (stored.state, stored.done, stored.ended_at) == ("success", (0,), NOW)
    assert not owe(database, run_pk)


def test_one_that_fails_is_due_again_as_often_as_is_allowed(
    database: Database, run_pk: int
) -> None:
    owe(database, run_pk)
    for seconds, state in ((0, "pending"), (5, "failed")):
        at = later(seconds=seconds)
        with database.begin() as tx:
            (one,) = callbacks.claim_callbacks(tx, "w1", 1, 9, at)
            report = CallbackReport(job_id=one.id, epoch=one.epoch, is_done=False, error="no")
            callbacks.apply_report(tx, report, at, POLICY)
            stored = callbacks.read_callback(tx, one.id)
            assert stored is not None
            assert (stored.state, stored.said) == (state, "no")
    with database.read() as tx:
        assert callbacks.next_callback_due(tx) is None


def test_what_a_worker_does_not_hold_goes_back(database: Database, run_pk: int) -> None:
    owe(database, run_pk)
    with database.begin() as tx:
        (one,) = callbacks.claim_callbacks(tx, "w1", 5, 9, NOW)
        give = callbacks.return_callbacks
        assert give(tx, "w1", {one.id}, NOW, POLICY) == 0
        assert give(tx, "w1", (), NOW, POLICY, open_seqs={5}) == 0
        assert give(tx, "w1", (), NOW, POLICY, before_seq=5) == 0
        assert give(tx, "w1", (), NOW, POLICY, before_seq=6) == 1
        back = callbacks.read_callback(tx, one.id)
        assert back is not None
        assert (back.state, back.tries, back.due_at) == ("pending", 0, NOW)


def deadline(run_pk: int, due: float, **fields: str) -> NewDeadline:
    return NewDeadline(
        run_pk=run_pk,
        dag_id="sales",
        scope=fields.get("scope", "run"),
        owner=fields.get("owner", ""),
        position=0,
        reference="queued_at",
        due_at=later(seconds=due),
    )


def test_a_deadline_is_missed_once(database: Database, run_pk: int) -> None:
    with database.begin() as tx:
        first = deadlines.put_deadline(tx, deadline(run_pk, 10), NOW)
        assert deadlines.put_deadline(tx, deadline(run_pk, 20), NOW) == first
        assert read_moments(tx, NOW).deadline_due == later(seconds=20)
        assert deadlines.read_due(tx, later(seconds=19)) == []
        (one,) = deadlines.read_due(tx, later(seconds=20))
        assert deadlines.miss(tx, one.id, later(seconds=21))
        assert not deadlines.miss(tx, one.id, later(seconds=22))
        assert read_moments(tx, NOW).deadline_due is None
        wish = DeadlineFilter(dag_id="sales", states=("missed",))
        ((stored, run_id),) = deadlines.list_deadlines(tx, wish)
        assert (stored.missed_at, run_id) == (later(seconds=21), "one")
        assert deadlines.count_deadlines(tx, DeadlineFilter(states=("met",))) == 0


def test_what_ended_in_time_is_closed_and_what_is_late_is_not(
    database: Database, run_pk: int
) -> None:
    with database.begin() as tx:
        deadlines.put_deadline(tx, deadline(run_pk, 10), NOW)
        deadlines.put_deadline(tx, deadline(run_pk, 99, scope="task", owner="t"), NOW)
        deadlines.close_run(tx, run_pk, "met", later(seconds=50))
        found = deadlines.list_deadlines(tx, DeadlineFilter(run_pk=run_pk))
    assert [(one.owner, one.state) for one, _ in found] == [("", "pending"), ("t", "met")]


def test_both_go_with_their_run(database: Database, run_pk: int) -> None:
    owe(database, run_pk)
    with database.begin() as tx:
        deadlines.put_deadline(tx, deadline(run_pk, 10), NOW)
        runs.delete_run(tx, run_pk)
        assert callbacks.list_callbacks(tx, run_pk) == []
        assert deadlines.count_deadlines(tx, DeadlineFilter()) == 0


def test_what_is_due_next_is_one_look_at_an_index(database: Database) -> None:
    span = timedelta(days=1)
    with database.read() as tx:
        plans = [
            tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
            for text in (
                "SELECT min(due_at) FROM callback WHERE due_at IS NOT NULL",
                "SELECT min(due_at) FROM deadline WHERE state = 'pending'",
            )
        ]
        assert read_moments(tx, NOW + span).callback_due is None
    assert all("INDEX ix_" in str(plan) for plan in plans), plans
