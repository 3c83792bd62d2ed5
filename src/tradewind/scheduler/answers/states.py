"""Questions about state that outlives a try."""

from datetime import datetime, timedelta

from tradewind.errors import NotFoundError, RefusedError
from tradewind.protocol.data_questions import DeleteState, GetState, SetState
from tradewind.scheduler.answers.asker import Asker, Handlers
from tradewind.store import assets, runs, states
from tradewind.store.database import Tx
from tradewind.store.states import AssetOwner, Owner, TaskOwner

MAX_VALUE_BYTES = 65_535


def read(tx: Tx, question: GetState, asker: Asker, now: datetime) -> bytes | None:
    """Answer the JSON of a key, or None."""
    return states.read_state(tx, _owner(tx, question, asker), question.key, now)


def write(tx: Tx, question: SetState, asker: Asker, now: datetime) -> None:
    """Keep a value."""
    if len(question.value) > MAX_VALUE_BYTES:
        raise RefusedError(
            "state-too-large",
            f"The state '{question.key}' has {len(question.value)} bytes; {MAX_VALUE_BYTES} are "
            "allowed.",
        )
    attempt = asker.needed_attempt()
    run = runs.read_run_by_pk(tx, attempt.run_pk)
    states.set_state(
        tx,
        _owner(tx, question, asker),
        question.key,
        question.value,
        keep=None if question.keep_seconds is None else timedelta(seconds=question.keep_seconds),
        now=now,
        writer={
            "dag_id": run and run.dag_id,
            "run_id": run and run.run_id,
            "task_id": attempt.task_id,
            "map_index": attempt.map_index,
        },
    )


def remove(tx: Tx, question: DeleteState, asker: Asker, now: datetime) -> None:
    """Remove a key, or all."""
    states.delete_state(tx, _owner(tx, question, asker), question.key)


def _owner(tx: Tx, question: GetState | SetState | DeleteState, asker: Asker) -> Owner:
    attempt = asker.needed_attempt()
    if question.asset is None:
        return TaskOwner(run_pk=attempt.run_pk, task_id=attempt.task_id, map_path=attempt.map_path)
    name = question.asset
    found = assets.find_asset(tx, name, None) or assets.find_asset(tx, None, name)
    if found is None:
        raise NotFoundError("asset-not-found", f"There is no asset '{name}'.")
    return AssetOwner(asset_id=found.id)


HANDLERS: Handlers = {GetState: read, SetState: write, DeleteState: remove}
