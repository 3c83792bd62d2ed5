"""What a try leaves for people to look at: fields, label, links."""

import msgspec
import pytest

from tests.unit.runtime.tasks import run
from tradewind import DAG, BaseOperator, EmptyOperator, get_current_context, task
from tradewind.runtime.memory import MemoryPort
from tradewind.runtime.rendered import MAX_FIELD_BYTES, rendered_fields
from tradewind.sdk.operator_link import BaseOperatorLink


class Query(BaseOperator):
    """An operator with template fields that executes whatever it is given."""

    template_fields = ("sql", "params_")

    def __init__(self, *, sql=None, params_=None, does=None, **kwargs):
        super().__init__(**kwargs)
        self.sql = sql
        self.params_ = params_
        self.does = does

    def execute(self, context):
        if self.does:
            self.does(self)


class Late(Query):
    """Knows its query only when it has run."""

    overwrite_rtif_after_execution = True

    def execute(self, context):
        self.sql = "select 2"


class JobLink(BaseOperatorLink):
    """Leads to the job of a try."""

    name = "Job"

    def get_link(self, operator, *, ti_key):
        return f"https://jobs.example/{ti_key[1]}"


class BrokenLink(JobLink):
    """Cannot be made."""

    name = "Broken"

    def get_link(self, operator, *, ti_key):
        raise ValueError("no job")


class Linked(Query):
    """Has links."""

    operator_extra_links = (JobLink(), BrokenLink())


def left(kind, **kwargs):
    with DAG("d"):
        operator = kind(task_id="t", **kwargs)
    done = run(operator)
    return done, msgspec.json.decode(done.rendered) if done.rendered else {}


class Odd:
    """Has no form in JSON."""

    def __str__(self):
        return "an odd thing"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"sql": "select '{{ ds }}'"}, {"sql": "select '2026-04-20'"}),
        ({"params_": {"day": "{{ ds }}", "n": [1]}}, {"params_": {"day": "2026-04-20", "n": [1]}}),
        ({"params_": [Odd()]}, {"params_": ["an odd thing"]}),
        ({"params_": {(1, 2): Odd}}, None),
        ({}, {}),
        ({"params_": [], "sql": ""}, {}),
    ],
)
def test_fields_are_kept_as_they_were_rendered(given, kept):
    done, fields = left(Query, **given)
    assert done.outcome == "success"
    assert list(fields) == ["params_"] if kept is None else fields == kept


def test_fields_of_a_try_that_failed_are_kept_too():
    def fail(_):
        raise ValueError("no table")

    done, fields = left(Query, sql="{{ ds }}", does=fail)
    assert (done.outcome, fields) == ("failed", {"sql": "2026-04-20"})


def test_huge_fields_do_not_leave_their_process():
    with DAG("d"):
        operator = Query(task_id="t", sql="x" * 10**6, params_=list(range(10**5)))
    assert len(rendered_fields(operator)) < 2 * MAX_FIELD_BYTES + 100


def test_an_operator_may_tell_its_fields_after_it_ran():
    assert left(Late, sql="select 1")[1] == {"sql": "select 2"}


@pytest.mark.parametrize("ending", ["true", "false"])
def test_the_command_of_a_function_is_kept_however_it_ends(ending):
    with DAG("d") as dag:

        @task.bash
        def say():
            return "{{ ds }} >/dev/null; " + ending

        say()
    done = run(dag.get_task("say"))
    assert msgspec.json.decode(done.rendered) == {
        "bash_command": f"2026-04-20 >/dev/null; {ending}"
    }


def test_links_are_made_where_the_task_ran_and_a_broken_one_is_left_out(caplog):
    done, _ = left(Linked)
    assert done.links == {"Job": "https://jobs.example/t"}
    assert "Link 'Broken' could not be made" in caplog.text
    assert left(Linked, does=lambda _: 1 / 0)[0].links == done.links


def mapped(function, template):
    with DAG("d") as dag:
        task(map_index_template=template)(function).expand(n=[1, 2])
    port = MemoryPort()
    return run(dag.get_task(function.__name__), port, map_path="1", map_index=1)


def test_a_label_names_what_the_task_put_in_its_context():
    def double(n):
        get_current_context()["twice"] = n * 2

    assert mapped(double, "{{ task.op_kwargs['n'] }} → {{ twice }}").map_label == "2 → 4"


def test_a_label_that_cannot_be_made_fails_a_task_that_did_not_fail_itself():
    def quiet(n):
        return n

    done = mapped(quiet, "{{ nope }}")
    assert (done.outcome, done.map_label) == ("failed", "")
    assert "'nope' is undefined" in done.error


def test_a_failure_stands_whatever_becomes_of_its_label():
    def broken(n):
        raise ValueError("mine")

    assert mapped(broken, "{{ nope }}").error == "ValueError: mine"
    assert mapped(broken, "{{ ds }}").map_label == "2026-04-20"


def test_a_plain_task_has_no_label():
    with DAG("d"):
        operator = EmptyOperator(task_id="t", map_index_template="{{ nope }}")
    assert run(operator).map_label == ""
