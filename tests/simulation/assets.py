"""Asset events in these worlds: who makes them, who waits for them, and what must hold of them.

Held now and then against the rows, by a reading of conditions of its own: each event is queued for
each Dag that waits for its asset, one run consumes all that is queued, and none is made or held
back against the condition.
"""

from random import Random
from typing import Any

import msgspec

from tests.simulation.holding import hold
from tests.simulation.journal import Journal
from tradewind.core.spec import AssetSpec, DagSpec
from tradewind.core.timetables import AssetTriggered, NullTimetable
from tradewind.protocol.reports import AssetEventPush

NAMES = ("x0", "x1", "x2", "x3")


def with_assets(rng: Random, spec: DagSpec) -> DagSpec:
    """Have some of the Dags that no time starts be started by assets."""
    if not isinstance(spec.timetable, NullTimetable) or rng.random() < 0.2:
        return spec
    names = rng.sample(NAMES, rng.randint(1, 3))
    leaves: list[Any] = [_leaf(name) for name in names]
    expression: Any = leaves[0]
    for leaf in leaves[1:]:
        expression = {rng.choice(("all", "any")): [expression, leaf]}
    return msgspec.structs.replace(
        spec,
        timetable=AssetTriggered(),
        assets=tuple(AssetSpec(name=name, uri=name) for name in names),
        asset_expression=expression,
        on_pause=rng.choice(("keep", "keep", "drop")),
        catchup=rng.random() < 0.3,
    )


def _leaf(name: str) -> dict[str, Any]:
    return {"asset": {"name": name, "uri": name, "group": "asset"}}


def random_events(rng: Random) -> tuple[AssetEventPush, ...]:
    """Draw what a task's success says of assets: mostly nothing."""
    if rng.random() < 0.4:
        return ()
    return tuple(
        AssetEventPush(name=name, uri=name) for name in rng.choices(NAMES, k=rng.randint(1, 2))
    )


def _holds(node: dict[str, Any], names: set[str]) -> bool:
    [(word, inner)] = node.items()
    if word == "asset":
        return inner["name"] in names
    found = [_holds(one, names) for one in inner]
    return all(found) if word == "all" else any(found)


class Listening(msgspec.Struct, frozen=True):
    """A Dag that waits, as it was at one look."""

    body: bytes
    is_on: bool
    """Neither paused nor gone nor broken."""

    @property
    def said(self) -> Any:
        """What it waits for."""
        return msgspec.json.decode(self.body)


class Deliveries:
    """Holds what must be true of events and the runs they start."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._dags: dict[str, Listening] = {}
        self._last_event = 0
        self._last_run = 0
        self.events = self.runs = 0

    def check(self) -> None:
        """Hold all of it against the rows as they stand.

        Raises:
            BrokenError: Something does not hold.
        """
        dags = self._read_dags()
        self._check_all_delivered(dags)
        for dag_id, one in dags.items():
            self._check_queue(dag_id, one)
        self._check_runs()
        self._dags = dags
        [(last,)] = self._journal.query("SELECT coalesce(max(id), 0) FROM asset_event")
        self.events = self._last_event = last
        self._last_run = self._newest_run()

    def _read_dags(self) -> dict[str, Listening]:
        rows = self._journal.query(
            "SELECT s.dag_id, s.body, d.is_paused, d.is_stale, d.has_import_errors "
            "FROM asset_schedule s JOIN dag d ON d.dag_id = s.dag_id"
        )
        return {row[0]: Listening(body=row[1], is_on=not any(row[2:])) for row in rows}

    def _newest_run(self) -> int:
        """Answer the highest id that a run was ever given."""
        [(newest,)] = self._journal.query(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'run'"
        )
        return int(newest)

    def _check_all_delivered(self, dags: dict[str, Listening]) -> None:
        """Each event since the last look was queued for whoever waited then and waits now."""
        [(there_are,)] = self._journal.query(
            f"SELECT count(*) FROM run WHERE id > {self._last_run}"
        )
        if self._newest_run() - self._last_run != there_are:
            # A run was deleted: what it consumed went with it.
            return
        events = self._journal.query(
            "SELECT e.id, a.name FROM asset_event e JOIN asset a ON a.id = e.asset_id "
            f"WHERE e.id > {self._last_event}"
        )
        there = set(
            self._journal.query(
                f"SELECT dag_id, event_id FROM asset_delivery WHERE event_id > {self._last_event}"
            )
        )
        for dag_id, one in dags.items():
            before = self._dags.get(dag_id)
            if before is None or before.body != one.body or one.said.get("on_pause") == "drop":
                continue
            names = {part["name"] for part in one.said["assets"]}
            for event_id, name in events:
                wanted = name not in names or (dag_id, event_id) in there
                hold("A1", wanted, f"event {event_id} of {name} never reached {dag_id}")

    def _check_queue(self, dag_id: str, one: Listening) -> None:
        """Nothing queued is enough for a run, nor older than what a run has consumed."""
        queued = self._journal.query(
            "SELECT q.event_id, a.name FROM asset_delivery q JOIN asset a ON a.id = q.asset_id "
            f"WHERE q.dag_id = '{dag_id}' AND q.run_pk IS NULL"
        )
        if one.is_on and queued:
            enough = _holds(one.said["asset_expression"], {name for _, name in queued})
            hold("A2", not enough, f"{dag_id} has no run for {queued}")
        [(newest,)] = self._journal.query(
            "SELECT coalesce(max(event_id), 0) FROM asset_delivery "
            f"WHERE dag_id = '{dag_id}' AND run_pk IS NOT NULL"
        )
        left = [event_id for event_id, _ in queued if event_id < newest]
        hold("A3", not left, f"{dag_id} consumed {newest} and left {left}")

    def _check_runs(self) -> None:
        """Each run that assets started consumed enough for what its version waits for."""
        rows = self._journal.query(
            "SELECT r.id, r.run_id, v.spec FROM run r JOIN dag_version v ON v.id = r.version_id "
            "WHERE r.run_type = 'asset_triggered' AND r.clear_number = 0 "
            f"AND r.id > {self._last_run}"
        )
        for pk, run_id, raw in rows:
            consumed = self._journal.query(
                "SELECT a.name FROM asset_delivery q JOIN asset a ON a.id = q.asset_id "
                f"WHERE q.run_pk = {pk}"
            )
            names = {name for (name,) in consumed}
            spec = msgspec.json.decode(raw)
            self.runs += 1
            enough = bool(names) and _holds(spec["asset_expression"], names)
            hold("A4", enough, f"{run_id} was started by {sorted(names)}")
