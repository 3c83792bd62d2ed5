"""What is owed is said until it is heard, in order, and lost answers are told."""

import msgspec

from tradewind.core.states import LegState
from tradewind.protocol.exchange import Answer, Exchange
from tradewind.protocol.reports import Finish, LogChunk, ParseReport, XComPush
from tradewind.worker.ledger import MAX_LOG_BYTES, MAX_XCOM_BYTES, Holding, Ledger


def finish(attempt: int) -> Finish:
    return Finish(attempt_id=attempt, epoch=1, token="t", outcome=LegState.SUCCESS)


def xcom(key: str) -> XComPush:
    return XComPush(attempt_id=1, epoch=1, key=key, value=b"1")


def push(ledger: Ledger, *, renew: bool = False) -> Exchange:
    holding = Holding(held=(1,), parsing=()) if renew else None
    return ledger.push("w", holding, draining=False)


def test_a_finish_is_owed_until_it_is_recorded() -> None:
    ledger = Ledger()
    ledger.add_finish(finish(1))
    request = push(ledger)
    assert [one.attempt_id for one in request.finishes] == [1]
    assert not ledger.has_news
    assert ledger.unacknowledged == {1}
    ledger.settle(request, Answer(recorded=(1,)))
    assert ledger.owed == ()
    assert ledger.unacknowledged == frozenset()


def test_a_refused_finish_is_not_owed_any_more() -> None:
    ledger = Ledger()
    ledger.add_finish(finish(1))
    request = push(ledger)
    ledger.settle(request, Answer(refused=(1,)))
    assert not ledger.has_news
    assert ledger.owed == ()


def test_a_finish_that_an_answer_passes_over_is_said_again_with_the_renewal_only() -> None:
    ledger = Ledger()
    ledger.add_finish(finish(1))
    ledger.settle(push(ledger), Answer())
    assert not ledger.has_news
    assert push(ledger).finishes == ()
    assert [one.attempt_id for one in push(ledger, renew=True).finishes] == [1]


def test_what_a_lost_answer_carried_is_said_again_in_the_same_order() -> None:
    ledger = Ledger()
    for key in ("a", "b"):
        ledger.add_xcom(xcom(key))
    request = push(ledger)
    ledger.add_xcom(xcom("c"))
    ledger.add_finish(finish(1))
    ledger.give_up(request, was_seen=True)
    again = push(ledger)
    assert [one.key for one in again.xcoms] == ["a", "b", "c"]
    assert again.abandoned == (request.seq,)
    assert again.seq > request.seq


def test_abandoned_requests_are_named_until_an_answer_is_read() -> None:
    ledger = Ledger()
    lost = push(ledger)
    ledger.give_up(lost, was_seen=True)
    second = push(ledger)
    third = ledger.pull("w", Holding((), ()), draining=False)
    assert second.abandoned == third.abandoned == (lost.seq,)
    ledger.settle(second, Answer())
    assert push(ledger).abandoned == ()


def test_a_request_the_server_never_saw_is_not_abandoned() -> None:
    ledger = Ledger()
    ledger.give_up(push(ledger), was_seen=False)
    assert push(ledger).abandoned == ()


def test_open_requests_are_named() -> None:
    ledger = Ledger()
    pull = ledger.pull("w", Holding((), ()), draining=False)
    assert push(ledger).open == (pull.seq,)
    ledger.settle(pull, Answer())
    assert pull.seq not in push(ledger).open


def test_parse_jobs_count_as_held_until_they_are_reported() -> None:
    ledger = Ledger()
    ledger.add_parsed(ParseReport(job_id=7, epoch=1, file="dags/a.py"))
    assert ledger.unreported == (7,)
    request = push(ledger)
    assert ledger.unreported == (7,)
    ledger.settle(request, Answer())
    assert not ledger.unreported


def test_logs_travel_in_portions() -> None:
    ledger = Ledger()
    half = MAX_LOG_BYTES // 2 + 1
    for number in range(3):
        data = bytes(half)
        ledger.add_log(LogChunk(attempt_id=1, log_path="l", offset=number * half, data=data))
    first = push(ledger)
    assert [chunk.offset for chunk in first.logs] == [0, half]
    assert ledger.has_news
    assert [chunk.offset for chunk in push(ledger).logs] == [2 * half]


def test_a_new_registration_keeps_nothing_but_finishes() -> None:
    ledger = Ledger()
    ledger.add_finish(finish(1))
    ledger.add_xcom(xcom("a"))
    ledger.give_up(push(ledger), was_seen=True)
    ledger.start_over()
    request = push(ledger)
    assert request.seq == 1
    assert request.abandoned == ()
    assert request.xcoms == ()
    assert [one.attempt_id for one in request.finishes] == [1]


def test_large_xcoms_travel_in_several_requests_and_no_finish_overtakes_them() -> None:
    ledger = Ledger()
    half = b"x" * (MAX_XCOM_BYTES // 2)
    sent = [XComPush(attempt_id=1, epoch=1, key=key, value=half) for key in "abc"]
    for one in sent:
        ledger.add_xcom(one)
    ledger.add_finish(finish(1))
    ledger.add_finish(finish(2))

    first = push(ledger)
    assert ([x.key for x in first.xcoms], [f.attempt_id for f in first.finishes]) == (
        ["a", "b"],
        [2],
    )
    assert ledger.has_news
    second = push(ledger)
    assert ([x.key for x in second.xcoms], [f.attempt_id for f in second.finishes]) == (["c"], [1])
    assert not ledger.has_news


def test_a_finish_with_more_than_a_request_may_hold_goes_alone() -> None:
    ledger = Ledger()
    large = XComPush(attempt_id=1, epoch=1, key="k", value=b"x" * (MAX_XCOM_BYTES + 1))
    ledger.add_finish(msgspec.structs.replace(finish(1), xcoms=(large,)))
    ledger.add_finish(msgspec.structs.replace(finish(2), xcoms=(large,)))

    assert len(push(ledger).finishes) == 1
    assert len(push(ledger).finishes) == 1
    assert not ledger.has_news
