"""Operators called from inside another: said, or refused."""

from tests.unit.runtime.tasks import returned, run
from tradewind import DAG, BaseOperator, PythonOperator
from tradewind.sdk.operators.bash import BashOperator


class Base(BaseOperator):
    def execute(self, context):
        return 1


class Extended(Base):
    def execute(self, context):
        return super().execute(context) + 1


def calling(**settings):
    def function(**context):
        inner = Extended(task_id="inner", **settings)
        return inner.execute(context)

    with DAG("nested"):
        return PythonOperator(task_id="outer", python_callable=function)


def test_it_is_said_once(caplog):
    assert returned(run(calling())) == 2

    said = [text for text in caplog.messages if "is called from inside" in text]
    assert said == [
        "Extended.execute is called from inside task 'outer': it has no state, retries, callbacks "
        "or output of its own"
    ]


def test_it_may_be_refused():
    done = run(calling(allow_nested_operators=False))

    assert done.outcome == "failed"
    assert "Make it a task" in done.error


def test_calling_up_to_its_own_class_is_no_nesting(caplog):
    with DAG("plain"):
        assert returned(run(Extended(task_id="one"))) == 2
        assert returned(run(BashOperator(task_id="two", bash_command="echo 2"))) == "2"

    assert Extended(task_id="alone", allow_nested_operators=False).execute({}) == 2
    assert "is called from inside" not in caplog.text
