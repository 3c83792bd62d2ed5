"""Putting tasks in order, alone and in groups."""

import pytest

from tradewind import (
    DAG,
    EmptyOperator,
    Label,
    TaskGroup,
    chain,
    chain_linear,
    cross_downstream,
    task_group,
)
from tradewind.sdk.exceptions import AirflowException, DuplicateTaskIdFound


@pytest.fixture
def dag():
    with DAG("d") as made:
        yield made


def tasks(names):
    return [EmptyOperator(task_id=name) for name in names]


def edges(dag):
    return {(up, down) for up in dag.task_ids for down in dag.task_dict[up].downstream_task_ids}


def test_arrows_work_both_ways_and_with_lists_on_either_side(dag):
    a, b, c, d = tasks("abcd")
    a >> [b, c] >> d
    d << a
    [b, c] << a

    assert edges(dag) == {("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("a", "d")}


def test_chain_pairs_lists_and_refuses_unequal_ones(dag):
    a, b, c, d, e, f = tasks("abcdef")
    chain(a, [b, c], [d, e], f)

    assert edges(dag) == {
        ("a", "b"),
        ("a", "c"),
        ("b", "d"),
        ("c", "e"),
        ("d", "f"),
        ("e", "f"),
    }
    with pytest.raises(AirflowException, match="these have 2 and 1"):
        chain([a, b], [c])


def test_chain_linear_and_cross_downstream_link_each_with_each(dag):
    a, b, c, d = tasks("abcd")
    chain_linear([a, b], [c, d])
    crossed = edges(dag)
    cross_downstream([a, b], [c, d])

    assert edges(dag) == crossed == {("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")}


@pytest.mark.parametrize("backwards", [False, True])
def test_a_label_is_written_on_the_line(dag, backwards):
    a, b = tasks("ab")
    if backwards:
        b << Label("later") << a
    else:
        a >> Label("later") >> b

    assert edges(dag) == {("a", "b")}
    assert dag.get_edge_info("a", "b") == {"label": "later"}


def test_a_label_before_a_group_reaches_its_roots(dag):
    (a,) = tasks("a")
    with TaskGroup("g") as group:
        tasks("xy")
    a >> Label("to all") >> group

    assert edges(dag) == {("a", "g.x"), ("a", "g.y")}
    assert dag.get_edge_info("a", "g.y") == {"label": "to all"}


def test_groups_connect_by_roots_and_leaves(dag):
    (a,) = tasks("a")
    with TaskGroup("g") as group:
        x, y = tasks("xy")
        x >> y
    (z,) = tasks("z")
    a >> group >> z

    assert edges(dag) == {("a", "g.x"), ("g.x", "g.y"), ("g.y", "z")}


def test_a_teardown_is_no_leaf_of_its_group(dag):
    with TaskGroup("g") as group:
        work, end = tasks(["work", "end"])
        work >> end.as_teardown()
    (z,) = tasks("z")
    group >> z

    assert ("g.work", "z") in edges(dag)
    assert ("g.end", "z") not in edges(dag)


def test_groups_nest_prefix_and_hand_down_defaults(dag):
    with TaskGroup("outer", default_args={"retries": 2, "owner": "o"}) as outer:
        with TaskGroup("inner", default_args={"owner": "i"}):
            deep = EmptyOperator(task_id="deep")
        with TaskGroup("plain", prefix_group_id=False):
            flat = EmptyOperator(task_id="flat")

    assert (deep.task_id, deep.retries, deep.owner) == ("outer.inner.deep", 2, "i")
    assert flat.task_id == "outer.flat"
    assert deep.label == "deep"
    assert {task.task_id for task in outer} == {"outer.inner.deep", "outer.flat"}
    assert set(dag.task_group_dict) == {None, "outer", "outer.inner", "outer.plain"}


def test_a_group_cannot_take_an_id_that_is_there(dag):
    TaskGroup("g")
    with pytest.raises(DuplicateTaskIdFound, match="'g' already"):
        TaskGroup("g")
    with pytest.raises(ValueError, match="group_id"):
        TaskGroup("with.dot")


def test_a_decorated_group_called_twice_gets_a_suffix_and_answers_what_it_returns(dag):
    @task_group
    def load(name):
        return EmptyOperator(task_id=name)

    first, second = load("a"), load("a")

    assert (first.task_id, second.task_id) == ("load.a", "load__1.a")


def test_setup_and_teardown_enclose_what_is_written_between_them(dag):
    start, work, end = EmptyOperator(task_id="start"), None, EmptyOperator(task_id="end")
    with end.as_teardown(setups=start):
        work = EmptyOperator(task_id="work")

    assert work.upstream_task_ids == {"start"}
    assert work.downstream_task_ids == {"end"}
    assert start.is_setup
    assert end.trigger_rule == "all_done_setup_success"


def test_only_setups_and_teardowns_open_a_block(dag):
    with pytest.raises(AirflowException, match="is neither"), EmptyOperator(task_id="a"):
        pass


def test_something_that_is_no_task_cannot_be_a_dependency(dag):
    (a,) = tasks("a")
    with pytest.raises(AirflowException, match="not str"):
        a >> "b"


def test_a_circle_is_shown(dag):
    a, b, c = tasks("abc")
    chain(a, b, c, a)
    with pytest.raises(AirflowException, match="a -> b -> c -> a"):
        dag.topological_sort()


@pytest.mark.parametrize(
    ("write", "drawn"),
    [
        (lambda a, b, c: a.set_downstream(b), {("a", "b")}),
        (lambda a, b, c: b.set_upstream(a), {("a", "b")}),
        (lambda a, b, c: a.set_downstream([b, c]), {("a", "b"), ("a", "c")}),
        (lambda a, b, c: c.set_upstream([a, b]), {("a", "c"), ("b", "c")}),
        (lambda a, b, c: a.set_downstream([b, [c]]), {("a", "b"), ("a", "c")}),
    ],
)
def test_tasks_are_put_in_order_by_name_too(dag, write, drawn):
    a, b, c = tasks("abc")
    write(a, b, c)

    assert edges(dag) == drawn
    assert {(up.task_id, one.task_id) for one in dag.tasks for up in one.upstream_list} == drawn
    assert {(one.task_id, d.task_id) for one in dag.tasks for d in one.downstream_list} == drawn


def test_a_line_drawn_by_name_may_have_a_label(dag):
    a, b, c = tasks("abc")
    a.set_downstream(b, edge_modifier=Label("down"))
    c.set_upstream(b, edge_modifier=Label("up"))

    assert dag.edge_info == {"a": {"b": {"label": "down"}}, "b": {"c": {"label": "up"}}}
