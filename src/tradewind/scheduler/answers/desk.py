"""Where questions of user code arrive: who asks is checked, and the handler of its kind answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from tradewind.core.sensitive import secrets_of_connection, secrets_of_variable
from tradewind.core.states import LegState
from tradewind.errors import TradewindError, UnauthorizedError, UsageError
from tradewind.protocol.exchange import BEFORE_ALL, MAX_ANSWER_BYTES, Call, CallReply
from tradewind.protocol.questions import FACTS, Question, question_of
from tradewind.protocol.triggers import WATCHERS_FROM, is_watcher
from tradewind.scheduler.answers import assets, instances, people, runs, states, xcoms
from tradewind.scheduler.answers.asker import Asker, Handlers, TriggerForTask
from tradewind.store import (
    asset_watchers,
    attempts,
    callbacks,
    connections,
    deferrals,
    files,
    variables,
)
from tradewind.store import xcoms as stored_xcoms
from tradewind.store.database import Tx
from tradewind.store.secrets import Vault
from tradewind.store.variables import VariableFacts

_HANDLERS: Handlers = {
    **assets.HANDLERS,
    **instances.HANDLERS,
    **people.HANDLERS,
    **runs.HANDLERS,
    **states.HANDLERS,
    **xcoms.HANDLERS,
}
"""Every kind of question, one table a noun."""

_KINDS: dict[str, type[Question]] = {kind.verb(): kind for kind in _HANDLERS}


class Answers:
    """The verbs of ``PORT_VERBS`` and all questions, for live attempts and claimed files."""

    def __init__(self, vault: Vault, trigger: TriggerForTask) -> None:
        """Bind what opens secrets, and what makes runs that tasks ask for."""
        self._vault = vault
        self._trigger = trigger
        self._verbs: dict[str, Callable[[Tx, dict[str, Any], datetime], CallReply]] = {
            "variable.get": self._get_variable,
            "variable.set": self._set_variable,
            "variable.delete": self._delete_variable,
            "variable.keys": self._variable_keys,
            "connection.get": self._get_connection,
            "xcom.get": self._get_xcom,
            "xcom.get_many": self._get_xcoms,
        }

    def answer(self, tx: Tx, call: Call, now: datetime) -> CallReply:
        """Answer one question, or the refusal of it as a value: it travels on to user code."""
        try:
            asker = self._authorize(tx, call)._replace(trigger=self._trigger)
            verb = self._verbs.get(call.verb)
            if verb is not None:
                return verb(tx, dict(call.args), now)
            kind = _KINDS.get(call.verb)
            if kind is None:
                raise UsageError("unknown-verb", f"There is no verb '{call.verb}'.")
            question = question_of(kind, call.args)
            answer = _HANDLERS[kind](tx, question, asker, now)
            return answer if isinstance(answer, CallReply) else CallReply(value=answer)
        except TradewindError as error:
            return CallReply(error=error.code, message=str(error))
        except msgspec.ValidationError as error:
            return CallReply(error="bad-message", message=f"{call.verb}: {error}")

    def tell_person(self, tx: Tx, verb: str, args: dict[str, Any], now: datetime) -> object:
        """Answer what a task asks that a person runs by hand: facts only, nothing is written.

        Args:
            tx: The transaction.
            verb: The kind of question, of those in ``FACTS``.
            args: Its fields, as JSON has them.
            now: The moment it is asked.

        Raises:
            UsageError: There is no such kind of question, or the fields are not its own.
        """
        kind = _KINDS.get(verb)
        if kind not in FACTS:
            raise UsageError("unknown-verb", f"There is no question '{verb}' about facts.")
        try:
            question = msgspec.convert({"verb": verb, **args}, kind)
        except msgspec.ValidationError as error:
            raise UsageError("bad-message", f"{verb}: {error}") from error
        return _HANDLERS[kind](tx, question, Asker(self._vault), now)

    def _authorize(self, tx: Tx, call: Call) -> Asker:
        if call.job_id:
            if not files.is_claimed(tx, call.job_id, call.epoch):
                raise UnauthorizedError("not-your-file", "This file is not being parsed any more.")
            return Asker(self._vault, job_id=call.job_id)
        if call.callback_job:
            if not callbacks.is_claimed(tx, call.callback_job, call.epoch):
                raise UnauthorizedError("not-your-callback", "This callback is over.")
            return Asker(self._vault)
        if call.trigger_id:
            wait = _trigger(tx, call.trigger_id)
            if (
                wait is None
                or wait.epoch != call.epoch
                or wait.token_hash != attempts.hash_token(call.token)
            ):
                raise UnauthorizedError("not-your-trigger", "This trigger is over.")
            return Asker(self._vault)
        one = attempts.read_attempts(tx, [call.attempt_id]).get(call.attempt_id)
        if (
            one is None
            or one.state is not LegState.RUNNING
            or one.epoch != call.epoch
            or one.token_hash != attempts.hash_token(call.token)
        ):
            raise UnauthorizedError("not-your-attempt", "This attempt is over.")
        return Asker(self._vault, one)

    def _get_variable(self, tx: Tx, args: dict[str, Any], now: datetime) -> CallReply:
        found = variables.read_variable(tx, self._vault, args["key"])
        if found is None:
            return CallReply()
        return CallReply(value=found.value, masks=secrets_of_variable(found.key, found.value))

    def _set_variable(self, tx: Tx, args: dict[str, Any], now: datetime) -> CallReply:
        facts = VariableFacts(
            key=args["key"], value=args["value"], description=args.get("description")
        )
        variables.set_variable(tx, self._vault, facts, now)
        return CallReply()

    def _delete_variable(self, tx: Tx, args: dict[str, Any], now: datetime) -> CallReply:
        return CallReply(value=variables.delete_variable(tx, args["key"], now))

    def _variable_keys(self, tx: Tx, args: dict[str, Any], now: datetime) -> CallReply:
        return CallReply(value=variables.read_variable_keys(tx, args.get("prefix")))

    def _get_connection(self, tx: Tx, args: dict[str, Any], now: datetime) -> CallReply:
        found = connections.read_connection(tx, self._vault, args["conn_id"])
        if found is None:
            return CallReply()
        masks = secrets_of_connection(found.password, found.extra)
        return CallReply(value=msgspec.to_builtins(found), masks=masks)

    def _get_xcom(self, tx: Tx, args: dict[str, Any], now: datetime) -> CallReply:
        value = stored_xcoms.read_xcom(
            tx, args["dag_id"], args["run_id"], args["task_id"], args["key"], args["map_index"]
        )
        return CallReply(value=value)

    def _get_xcoms(self, tx: Tx, args: dict[str, Any], now: datetime) -> CallReply:
        found, has_more = stored_xcoms.read_xcoms_of_key(
            tx,
            args["dag_id"],
            args["run_id"],
            args["task_id"],
            args["key"],
            after=args.get("after", BEFORE_ALL),
            most_bytes=MAX_ANSWER_BYTES,
        )
        rows: list[list[object]] = [[index, value] for index, value in found]
        return CallReply(value=[*rows, [found[-1][0], None]] if has_more else rows)


def _trigger(tx: Tx, trigger_id: int) -> deferrals.Wait | asset_watchers.Watcher | None:
    """Answer the trigger of a task, or of an asset."""
    if is_watcher(trigger_id):
        own = trigger_id - WATCHERS_FROM
        return asset_watchers.read_watchers(tx, [own]).get(own)
    return deferrals.read_waits(tx, [trigger_id]).get(trigger_id)
