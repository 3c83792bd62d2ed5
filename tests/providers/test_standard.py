"""The real standard provider, as it is published, run by ``dag.test()`` and by the engine.

Its classes subclass and call ours; nothing of Airflow itself is installed.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.process.installation import Installation
from tests.providers.conftest import Settings
from tests.providers.dags import SKIPPED, STANDARD
from tests.waiting import wait_until

LOCALLY = """
import json
from tradewind.compat.finder import install

install()
import standard

dag = standard.none.dag
run = dag.test()
print(json.dumps({
    "states": {f"{one.task_id} {one.map_index}": f"{one.state} {one.error}"
               for one in run.get_task_instances()},
    "classes": {one.task_id: one.operator_class.__module__ if one.is_mapped
                else type(one).__module__ for one in dag.tasks},
    "xcoms": {name: run.get_task_instance(name).xcom_pull()
              for name in ("bash", "python", "other")},
}))
"""


def wrong(states: dict[str, str]) -> dict[str, str]:
    """Which instances did not end as they are to end."""
    return {
        name: state
        for name, state in states.items()
        if state.split()[0] != ("skipped" if name.split()[0] in SKIPPED else "success")
    }


def test_its_classes_run_in_one_process(
    python: Callable[..., str], settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "standard.py").write_text(STANDARD)
    told = json.loads(python(LOCALLY, settings).splitlines()[-1])

    assert wrong(told["states"]) == {}
    real = [name for name, module in told["classes"].items() if module.startswith("airflow.")]
    # All but the function decorated with @task.bash, which is ours.
    assert set(told["classes"]) - set(real) == {"decorated"}
    assert len(real) >= 45
    day = told["xcoms"]["python"][0]
    assert told["xcoms"] == {"bash": f"{day} 1", "python": [day, "python"], "other": 4}


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Iterator[Installation]:
    made = Installation(tmp_path / "place", {**settings, "TRADEWIND__WORKER__SLOTS": "16"})
    (made.dags / "standard.py").write_text(STANDARD)
    yield made
    made.end()


@pytest.mark.process
@pytest.mark.timeout(240)
def test_its_classes_run_on_the_engine(place: Installation) -> None:
    place.start()
    wait_until(place._is_served, 60, "the server answers")
    wait_until(lambda: place.call("GET", "/api/v2/dags/small")[0] == 200, 60, "the Dags are there")
    for dag_id in ("standard", "server"):
        # With a date: there are templates that need one.
        body = {"dag_run_id": dag_id, "logical_date": "2026-11-20T00:00:00Z"}
        assert place.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)[0] == 200
    for dag_id in ("server", "standard"):
        wait_until(partial(_is_over, place, dag_id), 60, f"{dag_id} ends")
    states = place.rows(
        "SELECT t.task_id, t.map_index, t.state FROM task_instance t JOIN run r ON r.id = t.run_pk"
    )

    assert wrong({f"{task} {index}": str(state) for task, index, state in states}) == {}
    assert len(states) >= 50
    assert place.value("SELECT count(*) FROM run WHERE dag_id = 'small' AND state = 'success'") == 2


def _is_over(place: Installation, run_id: str) -> bool:
    return place.run_state(run_id) in ("success", "failed")
