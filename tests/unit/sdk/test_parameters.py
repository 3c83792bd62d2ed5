"""Every parameter of DAG and BaseOperator, row by row: what it does, or what is said about it.

A parameter without a row fails the test: none may be accepted and silently ignored.
"""

import inspect
from datetime import UTC, datetime, timedelta

import jinja2
import pytest

from tradewind import (
    DAG,
    BaseOperator,
    EmptyOperator,
    ExceptionRetryPolicy,
    Label,
    PythonOperator,
    RetryRule,
    TaskGroup,
    chain,
    result,
    task,
)
from tradewind.core.spec import ParamSpec
from tradewind.core.timetables import CronTrigger
from tradewind.runtime.serialize import serialize_dag
from tradewind.sdk.defaults import accepted_names
from tradewind.sdk.exceptions import AirflowException, UnsupportedArgument
from tradewind.sdk.weights import PriorityWeightStrategy

DAY = datetime(2026, 4, 20, tzinfo=UTC)


def spec_of(dag):
    return serialize_dag(dag, "file.py")


def rendered(text):
    """Answer what a template of the Dag's tasks becomes."""
    return lambda dag: dag.get_template_env().from_string(text).render()


def warned(about):
    return lambda dag: [w for w in spec_of(dag).warnings if about in w] != []


DAG_ROWS = [
    ("dag_id", "d", lambda dag: spec_of(dag).dag_id, "d"),
    ("description", "x", lambda dag: spec_of(dag).description, "x"),
    ("default_args", {"retries": 2}, lambda dag: spec_of(dag).tasks[0].retry.retries, 2),
    ("start_date", DAY, lambda dag: spec_of(dag).start_date, DAY),
    ("end_date", DAY, lambda dag: spec_of(dag).end_date, DAY),
    ("schedule", "0 3 * * *", lambda dag: spec_of(dag).timetable, CronTrigger(cron="0 3 * * *")),
    ("template_searchpath", "/a", lambda dag: dag.get_template_env().loader.searchpath[1:], ["/a"]),
    ("template_undefined", jinja2.Undefined, rendered("<{{ nobody }}>"), "<>"),
    ("user_defined_macros", {"twice": lambda x: 2 * x}, rendered("{{ twice(2) }}"), "4"),
    ("user_defined_filters", {"half": lambda x: x // 2}, rendered("{{ 4 | half }}"), "2"),
    ("max_active_tasks", 3, lambda dag: spec_of(dag).max_active_tasks, 3),
    ("max_active_runs", 3, lambda dag: spec_of(dag).max_active_runs, 3),
    (
        "max_consecutive_failed_dag_runs",
        3,
        lambda dag: spec_of(dag).max_consecutive_failed_dag_runs,
        3,
    ),
    (
        "dagrun_timeout",
        timedelta(minutes=1),
        lambda dag: spec_of(dag).dagrun_timeout_seconds,
        60.0,
    ),
    ("catchup", True, lambda dag: spec_of(dag).catchup, True),
    ("on_success_callback", print, lambda dag: spec_of(dag).callbacks, ("success",)),
    ("on_failure_callback", [print], lambda dag: spec_of(dag).callbacks, ("failure",)),
    ("doc_md", "# x", lambda dag: spec_of(dag).doc_md, "# x"),
    (
        "params",
        {"n": 1},
        lambda dag: spec_of(dag).params,
        {"n": ParamSpec(default=1, has_default=True)},
    ),
    ("access_control", {"Viewer": {"can_read"}}, warned("'access_control' has no effect"), True),
    ("is_paused_upon_creation", True, lambda dag: spec_of(dag).is_paused_upon_creation, True),
    (
        "jinja_environment_kwargs",
        {"variable_start_string": "<<", "variable_end_string": ">>"},
        rendered("<< 1 + 1 >>"),
        "2",
    ),
    ("render_template_as_native_obj", True, rendered("{{ [1, 2] }}"), [1, 2]),
    ("tags", ["b", "a", "b"], lambda dag: spec_of(dag).tags, ("a", "b")),
    (
        "owner_links",
        {"ann": "mailto:ann@shop.example"},
        lambda dag: spec_of(dag).owner_links,
        {"ann": "mailto:ann@shop.example"},
    ),
    ("auto_register", False, lambda dag: dag.auto_register, False),
    ("fail_fast", True, lambda dag: spec_of(dag).fail_fast, True),
    (
        "allowed_run_types",
        ["manual", "backfill"],
        lambda dag: spec_of(dag).allowed_run_types,
        ("manual", "backfill"),
    ),
    ("dag_display_name", "Sales", lambda dag: spec_of(dag).display_name, "Sales"),
    (
        "schedule_jitter",
        timedelta(minutes=5),
        lambda dag: spec_of(dag).jitter.up_to_seconds,
        300.0,
    ),
    ("run_retries", 2, lambda dag: spec_of(dag).run_retry.retries, 2),
    ("disable_bundle_versioning", True, lambda dag: spec_of(dag).runs_latest_code, True),
    ("on_pause", "drop", lambda dag: spec_of(dag).on_pause, "drop"),
    (
        "rerun_with_latest_version",
        False,
        lambda dag: spec_of(dag).rerun_with_latest_version,
        False,
    ),
]

ELSEWHERE_DAG = {"deadline", "run_retry_delay"}
"""Their rows are in tests of their own."""


@pytest.mark.parametrize(("name", "value", "look", "expected"), DAG_ROWS, ids=lambda v: str(v)[:20])
def test_a_parameter_of_a_dag_has_its_effect(name, value, look, expected):
    with DAG(**{"dag_id": "d", name: value}) as dag:
        EmptyOperator(task_id="t")

    assert look(dag) == expected


def test_no_parameter_of_a_dag_is_left_out():
    names = set(inspect.signature(DAG.__init__).parameters) - {"self", "kwargs"}

    assert names == {row[0] for row in DAG_ROWS} | ELSEWHERE_DAG


class Weigh(PriorityWeightStrategy):
    def get_weight(self, ti):
        return 10 * len(ti.task_id) + ti.task.priority_weight


POLICY = ExceptionRetryPolicy([RetryRule(ValueError)])


def spec(field):
    def look(dag):
        found = spec_of(dag).tasks[0]
        for name in field.split("."):
            found = getattr(found, name)
        return found

    return look


def own(field):
    return lambda dag: getattr(dag.tasks[0], field)


TASK_ROWS = [
    ("task_id", "t", spec("task_id"), "t"),
    ("owner", "ann", spec("owner"), "ann"),
    ("retries", 3, spec("retry.retries"), 3),
    ("retry_delay", timedelta(minutes=1), spec("retry.delay_seconds"), 60.0),
    ("retry_delay", 90, spec("retry.delay_seconds"), 90.0),
    ("retry_exponential_backoff", True, spec("retry.backoff"), 2.0),
    ("retry_exponential_backoff", 1.5, spec("retry.backoff"), 1.5),
    ("max_retry_delay", 60, spec("retry.max_delay_seconds"), 60.0),
    ("retry_policy", POLICY, own("retry_policy"), POLICY),
    ("start_date", DAY, spec("start_date"), DAY),
    ("end_date", DAY, spec("end_date"), DAY),
    ("depends_on_past", True, spec("depends_on_past"), True),
    (
        "wait_for_past_depends_before_skipping",
        True,
        spec("wait_for_past_depends_before_skipping"),
        True,
    ),
    ("ignore_first_depends_on_past", True, spec("ignore_first_depends_on_past"), True),
    ("wait_for_downstream", True, spec("wait_for_downstream"), True),
    ("wait_for_downstream", True, spec("depends_on_past"), True),
    ("dag", None, lambda dag: dag.task_ids, ["t", "u"]),
    ("params", {"n": 2}, lambda dag: dict(dag.tasks[0].params), {"n": 2, "m": 1}),
    ("default_args", {"owner": "bea"}, spec("owner"), "bea"),
    ("priority_weight", 5, spec("priority_weight"), 6),
    ("weight_rule", "absolute", spec("priority_weight"), 1),
    ("weight_rule", Weigh(), spec("priority_weight"), 11),
    ("weight_rule", Weigh, spec("priority_weight"), 11),
    ("queue", "big", spec("queue"), "big"),
    ("pool", "db", spec("pool"), "db"),
    ("pool_slots", 2, spec("pool_slots"), 2),
    ("execution_timeout", timedelta(seconds=5), spec("execution_timeout_seconds"), 5.0),
    ("on_execute_callback", print, own("on_execute_callback"), [print]),
    ("on_failure_callback", [print, repr], own("on_failure_callback"), [print, repr]),
    ("on_success_callback", (print,), own("on_success_callback"), [print]),
    ("on_retry_callback", print, own("on_retry_callback"), [print]),
    ("on_skipped_callback", print, own("on_skipped_callback"), [print]),
    ("trigger_rule", "all_done", spec("trigger_rule"), "all_done"),
    ("resources", {"cpus": 2}, warned("'resources' has no effect"), True),
    ("map_index_template", "{{ task.task_id }}", spec("map_index_template"), "{{ task.task_id }}"),
    ("max_active_tis_per_dag", 2, spec("max_active_tis_per_dag"), 2),
    ("max_active_tis_per_dagrun", 2, spec("max_active_tis_per_dagrun"), 2),
    ("executor", "KubernetesExecutor", warned("'executor' has no effect"), True),
    ("executor_config", {"a": 1}, warned("'executor_config' has no effect"), True),
    ("task_group", None, spec("group"), ""),
    ("doc", "x", spec("doc_md"), "x"),
    ("doc_md", "# x", spec("doc_md"), "# x"),
    ("doc_json", "{}", spec("doc_md"), "```json\n{}\n```"),
    ("doc_yaml", "a: 1", spec("doc_md"), "```yaml\na: 1\n```"),
    ("doc_rst", "x", spec("doc_md"), "```rst\nx\n```"),
    ("task_display_name", "Load", spec("display_name"), "Load"),
    ("logger_name", "shop", lambda dag: dag.tasks[0].log.name, "shop"),
    ("allow_nested_operators", False, own("allow_nested_operators"), False),
    (
        "render_template_as_native_obj",
        True,
        lambda dag: dag.tasks[0].get_template_env().from_string("{{ [1] }}").render(),
        [1],
    ),
]

ELSEWHERE_TASK = {
    "deadline",
    "do_xcom_push",
    "email",
    "email_on_failure",
    "email_on_retry",
    "inlets",
    "multiple_outputs",
    "outlets",
    "post_execute",
    "pre_execute",
    "run_as_user",
    "xcom_pickle",
    "wait_for_past_depends_before_skipping",
}
"""Their effect needs a run, or they are refused: in tests of their own."""


@pytest.mark.parametrize(
    ("name", "value", "look", "expected"), TASK_ROWS, ids=lambda v: str(v)[:20]
)
def test_a_parameter_of_an_operator_has_its_effect(name, value, look, expected):
    with DAG("d", params={"n": 1, "m": 1}) as dag:
        EmptyOperator(**{"task_id": "t", name: value}) >> EmptyOperator(task_id="u")

    assert look(dag) == expected


def test_no_parameter_of_an_operator_is_left_out():
    assert accepted_names(BaseOperator) == {row[0] for row in TASK_ROWS} | ELSEWHERE_TASK


def group(field):
    return lambda dag: getattr(spec_of(dag).groups["g"], field)


GROUP_ROWS = [
    ("prefix_group_id", False, lambda dag: dag.task_ids, ["t"]),
    ("default_args", {"retries": 3}, spec("retry.retries"), 3),
    ("tooltip", "tip", group("tooltip"), "tip"),
    ("ui_color", "red", group("ui_color"), "red"),
    ("ui_fgcolor", "white", group("ui_fgcolor"), "white"),
    ("group_display_name", "Load", group("label"), "Load"),
    ("doc_md", "# x", group("doc_md"), "# x"),
]


@pytest.mark.parametrize(
    ("name", "value", "look", "expected"), GROUP_ROWS, ids=lambda v: str(v)[:20]
)
def test_a_parameter_of_a_group_has_its_effect(name, value, look, expected):
    with DAG("d") as dag, TaskGroup("g", **{name: value}):
        EmptyOperator(task_id="t")

    assert look(dag) == expected


def test_where_a_group_is_and_what_it_is_called():
    with DAG("d") as dag:
        outer = TaskGroup("outer")
        with TaskGroup("inner", parent_group=outer):
            EmptyOperator(task_id="t")
        with TaskGroup("outer", add_suffix_on_collision=True):
            EmptyOperator(task_id="t")

    assert dag.task_ids == ["outer.inner.t", "outer__1.t"]
    assert spec_of(dag).groups["outer.inner"].parent == "outer"


BAD_GROUPS = [("a.b", ValueError), ("x" * 201, ValueError), (3, TypeError), ("", ValueError)]


@pytest.mark.parametrize(("group_id", "error"), BAD_GROUPS)
def test_what_a_group_may_not_be_called(group_id, error):
    with DAG("d"), pytest.raises(error):
        TaskGroup(group_id)


def test_the_nearest_default_wins():
    defaults = {"owner": "dag", "retries": 1, "queue": "dag", "pool": "dag"}
    with (
        DAG("d", default_args=defaults) as dag,
        TaskGroup("g", default_args={"owner": "group", "retries": 2, "queue": "group"}),
    ):
        EmptyOperator(task_id="t", default_args={"owner": "own", "retries": 3}, retries=4)

    found = dag.get_task("g.t")
    assert (found.owner, found.retries, found.queue, found.pool) == ("own", 4, "group", "dag")


def test_a_weight_that_needs_a_run_is_refused():
    class ByRun(PriorityWeightStrategy):
        def get_weight(self, ti):
            return len(ti.run_id)

    with DAG("d") as dag:
        EmptyOperator(task_id="t", weight_rule=ByRun())

    with pytest.raises(UnsupportedArgument, match="asked where the Dag file is read"):
        spec_of(dag)


REFUSED_DAG = [
    ({"owner_links": {"ann": "ann's page"}}, "neither an address"),
    ({"allowed_run_types": "manuel"}, "Did you mean 'manual'"),
    ({"tags": ["x" * 101]}, "more than 100 characters"),
]


@pytest.mark.parametrize(("given", "told"), REFUSED_DAG)
def test_what_a_dag_cannot_be_given_is_told(given, told):
    with pytest.raises(AirflowException, match=told):
        DAG("d", **given)


def letters():
    with DAG("letters") as dag:
        a, b, c, d = (EmptyOperator(task_id=name) for name in "abcd")
        chain(a, Label("then"), b, c)
        with TaskGroup("group"):
            e = EmptyOperator(task_id="e")
        c >> e
        d.as_setup() >> b
        EmptyOperator(task_id="z").as_teardown(setups=d) << b
    return dag


SUBSETS = [
    ("b", {}, "a b d z"),
    ("b", {"include_upstream": False}, "b d z"),
    ("c", {"include_upstream": False, "include_downstream": True}, "c d group.e z"),
    (["c"], {"include_upstream": False, "include_direct_upstream": True}, "b c d z"),
    ("^b$", {"exclude_original": True}, "a d"),
    ("nobody", {}, ""),
]


@pytest.mark.parametrize(("chosen", "settings", "kept"), SUBSETS)
def test_a_part_of_a_dag_is_a_dag(chosen, settings, kept):
    dag = letters()
    part = dag.partial_subset(chosen, **settings)

    assert sorted(part.task_ids) == kept.split()
    assert all(one.dag is part for one in part.tasks)
    assert sorted(one.task_id for one in part.task_group.iter_tasks()) == kept.split()
    assert len(dag.tasks) == 6
    assert dag.get_task("b").upstream_task_ids == {"a", "d"}
    assert spec_of(part).dag_id == "letters"
    assert set(part.task_group_dict) == ({None, "group"} if "group.e" in kept else {None})


def test_what_people_call_on_a_dag():
    dag = letters()
    dag.set_dependency("a", "group.e")

    assert dag.has_task_group("group")
    assert not dag.has_task_group("a")
    assert dag.get_edge_info("a", "b") == {"label": "then"}
    assert dag.get_task("group.e").upstream_task_ids == {"a", "c"}
    assert DAG("a.b").safe_dag_id == "a__dot__b"


def test_a_task_may_be_written_with_its_dag():
    dag = DAG("outside")

    @dag.task
    def one(): ...

    @dag.task(retries=2)
    def two(): ...

    one() >> two()

    assert dag.task_ids == ["one", "two"]


def test_outputs_are_named_as_results_of_the_dag():
    with DAG("results") as dag:

        @result
        @task
        def one():
            return 1

        two = PythonOperator(task_id="two", python_callable=print)
        one()
        result(two)
        dag.add_result(two.output)

    assert spec_of(dag).results == (("one", "return_value"), ("two", "return_value"))
    with pytest.raises(TypeError, match="is the output of a task"):
        dag.add_result(two)  # type: ignore[arg-type]
    with pytest.raises(AirflowException, match="not in Dag 'other'"):
        DAG("other").add_result(two.output)


def test_a_file_may_have_its_dags_commands(capsys):
    with DAG("cli", params={"n": 1}) as dag:

        @task
        def one(params=None, ds=None):
            assert (params["n"], ds) == (2, "2026-04-20")

        one() >> EmptyOperator(task_id="two")

    dag.cli(["tasks"])
    assert capsys.readouterr().out == "one\ntwo\n"
    dag.cli(["test", "2026-04-20", "--conf", '{"n": 2}'])
    with pytest.raises(SystemExit, match="1"):
        dag.cli(["test", "2026-04-21"])
