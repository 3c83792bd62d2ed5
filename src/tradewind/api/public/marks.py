"""Marks: people set how task instances and runs ended."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query

from tradewind.api.public.clears import as_they_are
from tradewind.api.public.fields import EVERY, Body, ServicesDep, Shape, UpdateMask, check_mask
from tradewind.api.public.found import find_dag, find_instance, find_run
from tradewind.api.public.instances import InstanceList, instance_list
from tradewind.api.public.labels import Labels
from tradewind.api.public.runs import RunShape, run_shape
from tradewind.api.services import Services
from tradewind.core.clearing import Choice, Pick
from tradewind.core.states import RunState, TaskState
from tradewind.errors import RefusedError, TradewindError
from tradewind.scheduler.selection import Selected
from tradewind.scheduler.wishes import MarkWish, RunMark
from tradewind.store import chosen_runs
from tradewind.store.chosen_runs import RunScope

router = APIRouter(tags=["Mark"])

_RUN = "/dags/{dag_id}/dagRuns/{dag_run_id}"
_INSTANCES = _RUN + "/taskInstances"
_GROUP = _RUN + "/taskGroupInstances/{group_id}"
User = Annotated[str | None, Header(alias="tradewind-user")]


class InstanceMark(Body):
    """The state that is set, and how far the mark reaches."""

    new_state: Literal["success", "failed", "skipped"]
    include_upstream: bool = False
    include_downstream: bool = False
    include_future: bool = False
    include_past: bool = False


class RunPatch(Body):
    """What changes of a run."""

    state: Literal["queued", "success", "failed"] | None = None
    note: str | None = None


class BulkEntity(Body):
    """One task instance in a list of changes; of a mapped task without an index, all of it."""

    task_id: str
    map_index: int | None = None
    new_state: Literal["success", "failed", "skipped"]
    include_upstream: bool = False
    include_downstream: bool = False
    include_future: bool = False
    include_past: bool = False


class BulkAction(Body):
    """Changes of one kind."""

    action: Literal["update"]
    entities: list[BulkEntity]
    action_on_non_existence: Literal["fail", "skip"] = "fail"


class BulkBody(Body):
    """A list of changes, made one after another."""

    actions: list[BulkAction]


class RunEntity(Body):
    """One run in a list of changes."""

    dag_run_id: str
    dag_id: str | None = None
    state: Literal["queued", "success", "failed"] | None = None
    note: str | None = None


class RunAction(Body):
    """Changes of runs of one kind."""

    action: Literal["update", "delete"]
    entities: list[RunEntity]
    action_on_non_existence: Literal["fail", "skip"] = "fail"


class RunBulkBody(Body):
    """A list of changes of runs, made one after another."""

    actions: list[RunAction]


class BulkPart(Shape):
    """What came of the changes of one kind."""

    success: list[str]
    errors: list[dict[str, str | int]]


class BulkAnswer(Shape):
    """What came of a list of changes."""

    create: BulkPart | None = None
    update: BulkPart | None = None
    delete: BulkPart | None = None


@router.patch(_INSTANCES + "/{task_id}/dry_run")
def plan_mark(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    body: InstanceMark,
    services: ServicesDep,
    map_index: Annotated[int | None, Query()] = None,
) -> InstanceList:
    """Say which instances a mark would change."""
    choice = _of_task(services, dag_id, dag_run_id, task_id, map_index, body)
    return _mark(services, _wish(dag_id, dag_run_id, choice, body, None), dry_run=True)


@router.patch(_INSTANCES + "/{task_id}/{map_index}/dry_run")
def plan_mark_of_index(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    map_index: int,
    body: InstanceMark,
    services: ServicesDep,
) -> InstanceList:
    """Say which instances a mark would change, of one map index."""
    return plan_mark(dag_id, dag_run_id, task_id, body, services, map_index)


@router.patch(_INSTANCES + "/{task_id}")
def mark_task_instance(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    body: InstanceMark,
    services: ServicesDep,
    map_index: Annotated[int | None, Query()] = None,
    tradewind_user: User = None,
) -> InstanceList:
    """Set the state of a task's instances; of a mapped task's all, unless one index is named."""
    choice = _of_task(services, dag_id, dag_run_id, task_id, map_index, body)
    wish = _wish(dag_id, dag_run_id, choice, body, tradewind_user)
    return _mark(services, wish, dry_run=False)


@router.patch(_INSTANCES + "/{task_id}/{map_index}")
def mark_mapped_task_instance(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    map_index: int,
    body: InstanceMark,
    services: ServicesDep,
    tradewind_user: User = None,
) -> InstanceList:
    """Set the state of one instance of a task."""
    return mark_task_instance(
        dag_id, dag_run_id, task_id, body, services, map_index, tradewind_user
    )


@router.patch(_GROUP + "/dry_run")
def plan_group_mark(
    dag_id: str, dag_run_id: str, group_id: str, body: InstanceMark, services: ServicesDep
) -> InstanceList:
    """Say which instances a mark of a task group would change."""
    choice = _choice(body, groups=(group_id,))
    return _mark(services, _wish(dag_id, dag_run_id, choice, body, None), dry_run=True)


@router.patch(_GROUP)
def mark_group(
    dag_id: str,
    dag_run_id: str,
    group_id: str,
    body: InstanceMark,
    services: ServicesDep,
    tradewind_user: User = None,
) -> InstanceList:
    """Set the state of all instances of a task group."""
    choice = _choice(body, groups=(group_id,))
    wish = _wish(dag_id, dag_run_id, choice, body, tradewind_user)
    return _mark(services, wish, dry_run=False)


@router.patch(_INSTANCES)
def bulk_mark(
    dag_id: str,
    dag_run_id: str,
    body: BulkBody,
    services: ServicesDep,
    tradewind_user: User = None,
) -> BulkAnswer:
    """Set the states of several task instances of a run."""
    done: list[str] = []
    errors: list[dict[str, str | int]] = []
    with services.database.read() as tx:
        find_run(tx, dag_id, dag_run_id)
    for action in body.actions:
        for one in action.entities:
            mark = InstanceMark(**one.model_dump(exclude={"task_id", "map_index"}))
            try:
                choice = _of_task(services, dag_id, dag_run_id, one.task_id, one.map_index, mark)
                _mark(
                    services,
                    _wish(dag_id, dag_run_id, choice, mark, tradewind_user),
                    dry_run=False,
                )
                index = "" if one.map_index is None else f"[{one.map_index}]"
                done.append(f"{dag_id}.{dag_run_id}.{one.task_id}{index}")
            except TradewindError as error:
                _note(errors, error, skip=action.action_on_non_existence == "skip")
    return BulkAnswer(update=BulkPart(success=done, errors=errors))


@router.patch(_RUN)
def patch_dag_run(
    dag_id: str,
    dag_run_id: str,
    body: RunPatch,
    services: ServicesDep,
    update_mask: UpdateMask = None,
    tradewind_user: User = None,
) -> RunShape:
    """Set how a run ended, let an ended one go on, or write a note on it."""
    wanted = check_mask(update_mask, set(body.model_fields_set))
    with services.database.read() as tx:
        find_run(tx, dag_id, dag_run_id)
    _patch_run(services, dag_id, dag_run_id, body, wanted, tradewind_user)
    with services.database.read() as tx:
        return run_shape(Labels(tx), find_run(tx, dag_id, dag_run_id))


@router.patch("/dags/{dag_id}/dagRuns")
def bulk_patch_runs(
    dag_id: str, body: RunBulkBody, services: ServicesDep, tradewind_user: User = None
) -> BulkAnswer:
    """Change or delete several runs, of one Dag or, as the path ``~``, of those they name."""
    parts: dict[str, BulkPart] = {}
    for action in body.actions:
        part = parts.setdefault(action.action, BulkPart(success=[], errors=[]))
        for one in action.entities:
            try:
                _change_run(services, dag_id, action.action, one, tradewind_user)
                part.success.append(f"{one.dag_id or dag_id}.{one.dag_run_id}")
            except TradewindError as error:
                _note(part.errors, error, skip=action.action_on_non_existence == "skip")
    return BulkAnswer(update=parts.get("update"), delete=parts.get("delete"))


def _change_run(
    services: Services, dag_id: str, action: str, one: RunEntity, who: str | None
) -> None:
    of = one.dag_id or dag_id
    if of == EVERY or (dag_id not in (EVERY, of)):
        raise RefusedError(
            "no-dag-named",
            f"It is not clear of which Dag run '{one.dag_run_id}' is.",
            "Name its Dag in the path, or beside it.",
        )
    with services.database.read() as tx:
        find_run(tx, of, one.dag_run_id)
    if action == "delete":
        services.writer.write(
            lambda tx: services.engine.delete_run(tx, of, one.dag_run_id, services.clock.now())
        )
        return
    patch = RunPatch(**one.model_dump(include={"state", "note"} & one.model_fields_set))
    _patch_run(services, of, one.dag_run_id, patch, set(patch.model_fields_set), who)


def _patch_run(
    services: Services,
    dag_id: str,
    dag_run_id: str,
    body: RunPatch,
    wanted: set[str],
    who: str | None,
) -> None:
    if "note" in wanted:
        with services.database.read() as tx:
            pk = find_run(tx, dag_id, dag_run_id).pk
        services.writer.write(lambda tx: chosen_runs.set_note(tx, pk, body.note))
    if "state" in wanted and body.state is not None:
        mark = RunMark(dag_id=dag_id, run_id=dag_run_id, state=RunState(body.state), who=who or "")
        services.writer.write(lambda tx: services.engine.mark_run(tx, mark, services.clock.now()))


def _note(errors: list[dict[str, str | int]], error: TradewindError, *, skip: bool) -> None:
    not_found = 404
    if not (skip and error.status == not_found):
        errors.append({"error": str(error), "status_code": error.status})


def _of_task(
    services: Services,
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    map_index: int | None,
    body: InstanceMark,
) -> Choice:
    index = None if map_index is None or map_index < 0 else map_index
    with services.database.read() as tx:
        if map_index is not None:
            find_instance(tx, dag_id, dag_run_id, task_id, map_index)
        else:
            find_run(tx, dag_id, dag_run_id)
    return _choice(body, picks=(Pick(task_id, index),))


def _choice(
    body: InstanceMark, picks: tuple[Pick, ...] = (), groups: tuple[str, ...] = ()
) -> Choice:
    return Choice(
        picks=picks,
        groups=groups,
        upstream=body.include_upstream,
        downstream=body.include_downstream,
        with_setups=False,
    )


def _wish(
    dag_id: str, dag_run_id: str, choice: Choice, body: InstanceMark, who: str | None
) -> MarkWish:
    return MarkWish(
        dag_id=dag_id,
        state=TaskState(body.new_state),
        scope=RunScope(run_ids=(dag_run_id,), past=body.include_past, future=body.include_future),
        choice=choice,
        who=who or "",
    )


def _mark(services: Services, wish: MarkWish, *, dry_run: bool) -> InstanceList:
    with services.database.read() as tx:
        find_dag(tx, wish.dag_id)
        parts = services.engine.plan_mark(tx, wish)
    if not dry_run:
        services.writer.write(
            lambda tx: services.engine.mark(tx, wish, parts, services.clock.now())
        )
    return _shown(services, parts, dry_run=dry_run)


def _shown(services: Services, parts: list[Selected], *, dry_run: bool) -> InstanceList:
    rows = [row for one in parts for row in one.rows]
    known = {one.run.pk: one.run for one in parts}
    with services.database.read() as tx:
        if not dry_run:
            rows = as_they_are(tx, rows)
        return instance_list(tx, rows, len(rows), known)
