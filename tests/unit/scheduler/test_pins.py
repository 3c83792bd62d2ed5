"""Runs of pinned bundles: which bytes each is given, whatever the bundle holds meanwhile."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.unit.scheduler.place import AWorker, Place, a_dag, empty
from tradewind.core.manifest import Manifest
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.protocol.orders import ParseOrder, TaskOrder
from tradewind.protocol.reports import Closure, ParseReport
from tradewind.store.bundles import (
    Tree,
    drop_bundle,
    keep_tree,
    list_trees,
    take_unused_trees,
    upsert_bundle,
)
from tradewind.store.files import apply_discovery

TWO = (TaskSpec(task_id="t", operator="x.Op"), TaskSpec(task_id="u", operator="x.Op"))


class Repo:
    """A pinned bundle whose states are made by a test, and a worker that parses when told."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.held: dict[str, dict[str, DagSpec]] = {}

    def refresh(self, digest: str, *specs: DagSpec, **others: str) -> None:
        """Find that the bundle moved on; ``others`` are files without Dags."""
        self.held[digest] = {spec.file: spec for spec in specs}
        files = {spec.file: str(hash(repr(spec))) for spec in specs}
        manifest = Manifest(files=files | others, dag_files=frozenset(files), digest=digest)
        root = f"/trees/{digest}"
        now = self.place.now
        tree = Tree(bundle="main", digest=digest, root=root, dags_folder=root, created_at=now)
        with self.place.database.begin() as tx:
            keep_tree(tx, tree)
            upsert_bundle(tx, "main", root, root, kind="git", version=digest, is_pinned=True)
            apply_discovery(tx, "main", manifest, now)
        self.place.do(lambda e, tx: e.ring_all())

    def parse(self, worker: AWorker | None = None) -> list[ParseOrder]:
        """Parse what is due, from the very bytes the orders name; by this worker if it has it."""
        parser = worker or self.place.worker(slots=0)
        orders = parser.exchange().parses
        parser.exchange(parsed=tuple(self.report(order) for order in orders))
        if worker is None:
            parser.leave()
        return list(orders)

    def report(self, order: ParseOrder) -> ParseReport:
        digest = order.bundle.root.removeprefix("/trees/")
        return ParseReport(
            job_id=order.job_id,
            epoch=order.epoch,
            file=order.file,
            dags=(self.held[digest][order.file],),
            closure=Closure(files=(order.file, "lib.py")),
            digest=order.bundle.digest,
        )

    def save(self, digest: str, *specs: DagSpec, **others: str) -> None:
        self.refresh(digest, *specs, **others)
        self.parse()


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


@pytest.fixture
def repo(place: Place) -> Repo:
    return Repo(place)


def bytes_of(order: TaskOrder) -> tuple[str, str]:
    assert order.bundle.root == f"/trees/{order.bundle.digest}"
    return order.bundle.digest, order.file


def test_a_run_goes_on_in_the_bytes_it_was_made_with(place: Place, repo: Repo) -> None:
    chain = (*TWO[:1], TaskSpec(task_id="u", operator="x.Op", upstream=("t",)))
    repo.save("one", a_dag("d", *chain))
    place.trigger()
    worker = place.worker()
    (first,) = worker.ask()
    repo.save("two", a_dag("d", *chain, doc_md="other code"))
    place.trigger(run_id="later")
    place.restart()
    worker = place.worker()
    (newer,) = worker.ask()

    assert bytes_of(first) == ("one", "dags/d.py")
    assert bytes_of(newer) == ("two", "dags/d.py")


def test_the_next_task_of_a_run_has_the_same_bytes_and_the_same_structure(
    place: Place, repo: Repo
) -> None:
    chain = (*TWO[:1], TaskSpec(task_id="u", operator="x.Op", upstream=("t",)))
    repo.save("one", a_dag("d", *chain))
    run = place.trigger()
    worker = place.worker()
    (first,) = worker.ask()
    repo.save("two", a_dag("d", empty("t"), empty("gone")))
    worker.end(first)
    (second,) = worker.held.values()

    assert (second.task_id, *bytes_of(second)) == ("u", "one", "dags/d.py")
    worker.end(second)
    assert place.states(run) == {"t": "success", "u": "success"}


def test_a_dag_that_moved_to_another_file_is_found_where_it_was(place: Place, repo: Repo) -> None:
    repo.save("one", a_dag())
    place.trigger()
    moved = DagSpec(dag_id="d", file="dags/new.py", tasks=TWO[:1], is_paused_upon_creation=False)
    repo.refresh("two", moved)
    repo.parse()
    place.trigger(run_id="later")

    found = place.worker().ask()
    assert sorted(map(bytes_of, found)) == [("one", "dags/d.py"), ("two", "dags/new.py")]


def test_a_run_made_before_the_newest_bytes_are_parsed_keeps_to_what_is_known(
    place: Place, repo: Repo
) -> None:
    repo.save("one", a_dag())
    repo.refresh("two", a_dag("d", *TWO))
    place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    assert bytes_of(order) == ("one", "dags/d.py")

    repo.parse(worker)
    place.trigger(run_id="later")
    assert {bytes_of(one) for one in worker.ask()} == {
        ("one", "dags/d.py"),
        ("two", "dags/d.py"),
    }


def test_a_dag_whose_files_did_not_change_moves_along(place: Place, repo: Repo) -> None:
    repo.save("one", a_dag("d"), a_dag("e"))
    repo.refresh("two", a_dag("d"), a_dag("e", *TWO))
    place.trigger("d")
    place.trigger("e")

    assert sorted(map(bytes_of, place.worker().ask())) == [
        ("one", "dags/e.py"),
        ("two", "dags/d.py"),
    ]


def test_a_module_that_changed_holds_back_those_who_import_it(place: Place, repo: Repo) -> None:
    repo.save("one", a_dag(), **{"lib.py": "1"})
    repo.refresh("two", a_dag(), **{"lib.py": "2"})
    place.trigger()
    worker = place.worker()
    assert [bytes_of(one) for one in worker.ask()] == [("one", "dags/d.py")]

    assert [order.file for order in repo.parse(worker)] == ["dags/d.py"]
    place.trigger(run_id="later")
    assert bytes_of(worker.ask()[1]) == ("two", "dags/d.py")


def test_a_parse_that_was_overtaken_says_what_it_saw(place: Place, repo: Repo) -> None:
    repo.refresh("one", a_dag())
    parser = place.worker(slots=0)
    (order,) = parser.exchange().parses
    place.now += timedelta(seconds=1)
    repo.refresh("two", a_dag("d", *TWO))
    place.now += timedelta(seconds=1)
    parser.exchange(parsed=(repo.report(order),))
    place.trigger()

    assert [bytes_of(one) for one in place.worker().ask()] == [("one", "dags/d.py")]


def test_a_parse_that_nothing_of_its_own_overtook_holds_in_the_newest_bytes(
    place: Place, repo: Repo
) -> None:
    repo.refresh("one", a_dag())
    parser = place.worker(slots=0)
    (order,) = parser.exchange().parses
    repo.refresh("two", a_dag(), other="1")
    parser.exchange(parsed=(repo.report(order),))
    place.trigger()

    assert [bytes_of(one) for one in place.worker().ask()] == [("two", "dags/d.py")]


def test_a_dag_that_wants_the_latest_code_has_it(place: Place, repo: Repo) -> None:
    repo.save("one", a_dag(runs_latest_code=True))
    run = place.trigger()
    repo.save("two", a_dag(runs_latest_code=True, doc_md="new"))
    (order,) = place.worker().ask()

    assert order.bundle.root == "/trees/two"
    assert run.digest == "one"


def test_a_warm_process_of_kept_bytes_is_not_used_for_others(place: Place, repo: Repo) -> None:
    repo.save("one", a_dag())
    place.trigger()
    repo.save("two", a_dag(doc_md="new"))
    place.trigger(run_id="later")
    one, two = place.worker().ask()

    assert one.closure != two.closure
    assert (one.bundle.root, two.bundle.root) == ("/trees/one", "/trees/two")


def test_trees_go_when_nothing_can_need_them(place: Place, repo: Repo) -> None:
    def taken() -> list[str]:
        with place.database.begin() as tx:
            return [tree.digest for tree in take_unused_trees(tx, place.now, timedelta(hours=1))]

    repo.save("one", a_dag())
    run = place.trigger()
    worker = place.worker()
    worker.end(worker.ask()[0])
    repo.save("two", a_dag(doc_md="a"))
    repo.save("three", a_dag(doc_md="b"))
    assert taken() == []

    place.now += timedelta(hours=2)
    assert taken() == ["two"]
    assert taken() == []
    # The run is over, but may be cleared; and its version was first seen there.
    place.do(lambda e, tx: e.delete_run(tx, "d", run.run_id, place.now))
    assert taken() == []
    place.do(lambda e, tx: e.delete_dag(tx, "d"))
    assert taken() == ["one"]


def test_a_run_in_place_whose_bundle_is_not_configured_any_more(place: Place) -> None:
    place.save(a_dag())
    place.trigger()
    with place.database.begin() as tx:
        drop_bundle(tx, "main")
    (order,) = place.worker().ask()

    # Its worker says what is wrong; see the loading of files.
    assert (order.bundle.name, order.bundle.root) == ("main", "")


def test_runs_of_a_bundle_that_is_not_configured_any_more_go_on(place: Place, repo: Repo) -> None:
    repo.save("one", a_dag())
    place.trigger()
    with place.database.begin() as tx:
        drop_bundle(tx, "main")
        assert take_unused_trees(tx, place.now + timedelta(days=1), timedelta(hours=1)) == []
        assert [tree.digest for tree in list_trees(tx)] == ["one"]

    assert [bytes_of(one) for one in place.worker().ask()] == [("one", "dags/d.py")]
