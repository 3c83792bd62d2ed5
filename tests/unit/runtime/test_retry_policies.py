"""Who decides about a failed try, row by row: the policy, then the task's own retries."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.runtime.tasks import run
from tradewind import (
    DAG,
    ExceptionRetryPolicy,
    PythonOperator,
    RetryAction,
    RetryDecision,
    RetryPolicy,
    RetryRule,
    task,
)
from tradewind.sdk.exceptions import AirflowFailException, AirflowTaskTimeout

MINUTE = timedelta(minutes=1)

RULES = [
    RetryRule(FileNotFoundError, RetryAction.FAIL, reason="it will not come"),
    RetryRule(OSError, retry_delay=MINUTE, reason="the disk is slow"),
    RetryRule("decimal.InvalidOperation", "fail"),
    RetryRule(["json.decoder.JSONDecodeError", KeyError], retry_delay=3 * MINUTE),
    RetryRule(ArithmeticError, RetryAction.FAIL, match_subclasses=False),
    RetryRule(RuntimeError, RetryAction.DEFAULT, reason="as usual"),
]

ROWS = [
    ("open('/no/such')", False, None, "it will not come"),
    ("[].x", True, None, ""),
    ("raise PermissionError", True, 60.0, "the disk is slow"),
    ("import decimal; decimal.Decimal('x')", False, None, ""),
    ("import json; json.loads('x')", True, 180.0, ""),
    ("{}['a']", True, 180.0, ""),
    ("1 / 0", True, None, ""),
    ("raise ArithmeticError", False, None, ""),
    ("raise NotImplementedError", True, None, "as usual"),
]


def doing(code):
    def function():
        exec(code, {})  # noqa: S102 - a row of the table

    return function


def failed(policy, function, **order):
    with DAG("policies"):
        one = PythonOperator(
            task_id="one", python_callable=function, retry_policy=policy, retries=3
        )
    return run(one, max_tries=order.pop("max_tries", 3), **order)


@pytest.mark.parametrize(("code", "again", "delay", "reason"), ROWS)
def test_the_first_rule_that_matches_decides(code, again, delay, reason):
    done = failed(ExceptionRetryPolicy(RULES), doing(code))

    assert done.outcome == "failed"
    assert (done.retry, done.retry_delay_seconds, done.retry_reason) == (again, delay, reason)


def test_without_a_match_the_default_of_the_policy_holds():
    assert failed(ExceptionRetryPolicy([], default="fail"), doing("1 / 0")).retry is False


class Asked(RetryPolicy):
    """Notes what it is asked, and answers what it was made with."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def evaluate(self, exception, try_number, max_tries, context=None):
        self.asked.append((type(exception), try_number, max_tries, context["ds"]))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_policy_of_ones_own_is_asked_with_all_there_is_to_know():
    policy = Asked(RetryDecision.retry(2 * MINUTE, "x" * 600))

    done = failed(policy, doing("1 / 0"), try_number=2)

    assert policy.asked == [(ZeroDivisionError, 2, 3, "2026-04-20")]
    assert (done.retry_delay_seconds, done.retry_reason) == (120.0, "x" * 500)


def test_a_policy_that_fails_or_says_nothing_leaves_it_to_the_task(caplog):
    for answer in (ValueError("no"), None, RetryDecision.default()):
        done = failed(Asked(answer), doing("1 / 0"))
        assert (done.retry, done.retry_delay_seconds, done.retry_reason) == (True, None, "")

    assert "The retry policy failed" in caplog.text


UNASKED = [
    (doing("1 / 0"), {"try_number": 4}),
    (doing("1 / 0"), {"max_tries": 0}),
]


@pytest.mark.parametrize(("function", "order"), UNASKED)
def test_where_no_try_is_left_there_is_nothing_to_decide(function, order):
    policy = Asked(RetryDecision.retry())
    failed(policy, function, **order)
    assert policy.asked == []


def test_who_says_it_is_of_no_use_is_believed():
    def give_up():
        raise AirflowFailException("no")

    policy = Asked(RetryDecision.retry())
    assert failed(policy, give_up).retry is False
    assert policy.asked == []


def test_a_timeout_is_an_exception_like_others():
    def slow():
        raise AirflowTaskTimeout("slow")

    policy = ExceptionRetryPolicy([RetryRule(AirflowTaskTimeout, "fail")])
    assert failed(policy, slow).retry is False


def test_failing_now_calls_the_failure_callbacks():
    called = []
    with DAG("callbacks"):
        one = PythonOperator(
            task_id="one",
            python_callable=doing("1 / 0"),
            retries=2,
            retry_policy=ExceptionRetryPolicy([RetryRule(ZeroDivisionError, "fail")]),
            on_failure_callback=lambda _: called.append("failure"),
            on_retry_callback=lambda _: called.append("retry"),
        )

    run(one, max_tries=2)

    assert called == ["failure"]


def test_a_whole_run_fails_at_once_or_goes_on_as_the_policy_says():
    policy = ExceptionRetryPolicy(
        [RetryRule(ValueError, retry_delay=timedelta(hours=2)), RetryRule(KeyError, "fail")]
    )
    with DAG("whole", schedule=None) as dag:

        @task(retries=3, retry_policy=policy)
        def unlucky(ti=None):
            if ti.try_number < 2:
                raise ValueError("once")
            raise KeyError("twice")

        unlucky()

    ti = dag.test(logical_date=datetime(2026, 4, 20, tzinfo=UTC)).get_task_instance("unlucky")

    assert (str(ti.state), ti.try_number) == ("failed", 2)


def test_what_is_no_policy_is_refused():
    with pytest.raises(TypeError, match="must be a RetryPolicy"):
        PythonOperator(task_id="one", python_callable=print, retry_policy=3)
    with pytest.raises(TypeError, match="exception classes or their dotted paths"):
        RetryRule(exception=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'never' is not a valid RetryAction"):
        RetryRule(ValueError, "never")
