"""Asking people: approvals, choices, forms."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from tradewind.sdk.asking import HITLUser, ask_person
from tradewind.sdk.branching import BranchMixIn
from tradewind.sdk.clock import utcnow
from tradewind.sdk.configuration import conf
from tradewind.sdk.operator import BaseOperator
from tradewind.sdk.params import ParamsDict
from tradewind.sdk.skipping import SkipMixin, short_circuit
from tradewind.sdk.standard_exceptions import (
    HITLRejectException,
    HITLTimeoutError,
    HITLTriggerEventError,
)
from tradewind.sdk.timezone import parse


class HITLOperator(BaseOperator):
    """Puts a question to people, and waits for the answer without holding a worker's place.

    Its output is a dict: ``chosen_options``, ``params_input``, ``responded_at`` and
    ``responded_by_user`` (``id`` and ``name``; None where the defaults were taken).

    Args:
        subject: The question, in a line; may be a template.
        options: What may be chosen.
        body: More about it, as Markdown; may be a template.
        defaults: Chosen when the time is over; without them the task fails then.
        multiple: Whether several options may be chosen.
        params: Fields to fill in, as Params of a Dag; the answer is checked against their rules.
        notifiers: Called with the context when the question is put.
        assigned_users: Who may answer, as names or ``{"id", "name"}``; without, everybody who may
            edit the task.
        response_timeout: How long to wait; without, for as long as it takes.

    Raises:
        ValueError: The question makes no sense.

    Example:
        >>> from tradewind import DAG
        >>> with DAG("monthly_figures"):
        ...     ask = HITLOperator(
        ...         task_id="which", subject="Which region first?", options=["north", "south"]
        ...     )
        >>> ask.multiple
        False
    """

    template_fields: Sequence[str] = ("subject", "body")
    ui_color = "#f7ecd8"
    asks_for_params = True

    def __init__(
        self,
        *,
        subject: str,
        options: Sequence[str],
        body: str | None = None,
        defaults: str | Sequence[str] | None = None,
        multiple: bool = False,
        params: Mapping[str, Any] | None = None,
        notifiers: Any = None,
        assigned_users: HITLUser | str | Sequence[HITLUser | str] | None = None,
        response_timeout: timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.execution_timeout is not None and response_timeout is None:
            self.warnings.append(
                "'execution_timeout' is taken for 'response_timeout': how long to wait for people"
            )
            response_timeout, self.execution_timeout = self.execution_timeout, None
        self.subject = subject
        self.body = body
        self.options = list(options)
        self.defaults = [defaults] if isinstance(defaults, str) else defaults
        self.multiple = multiple
        self.params = ParamsDict(params)
        self.notifiers: list[Any] = _listed(notifiers)
        self.assigned_users: list[Any] = _listed(assigned_users)
        self.response_timeout = response_timeout
        self.hitl_summary_extra: dict[str, Any] = {}
        """What is added to ``hitl_summary`` while it runs."""
        self.validate_options()
        self.validate_params()
        self.validate_defaults()

    def validate_options(self) -> None:
        """Check the options.

        Raises:
            ValueError: There are none, or two are the same.
        """
        if not self.options:
            raise ValueError(f"Task '{self.task_id}' needs at least one option")
        if len(set(self.options)) != len(self.options):
            raise ValueError(f"Options of task '{self.task_id}' must differ: {self._offered()}")

    def validate_params(self) -> None:
        """Check the names of the fields.

        Raises:
            ValueError: One is named ``_options``, as the choice itself is.
        """
        if "_options" in self.params:
            raise ValueError(f"A field of task '{self.task_id}' must not be named '_options'")

    def validate_defaults(self) -> None:
        """Check the defaults.

        Raises:
            ValueError: One is no option, or there are several where one may be chosen.
        """
        strange = [one for one in self.defaults or () if one not in self.options]
        if strange:
            raise ValueError(
                f"Defaults of task '{self.task_id}' must be options ({self._offered()}); "
                f"{', '.join(strange)} is none"
            )
        if self.defaults is not None and len(self.defaults) > 1 and not self.multiple:
            raise ValueError(f"Several defaults of task '{self.task_id}' need multiple=True")

    @property
    def serialized_params(self) -> dict[str, dict[str, Any]]:
        """Answer value, description and rules of each field."""
        return {
            name: {
                "value": param.value if param.has_value else None,
                "description": param.description,
                "schema": param.schema,
            }
            for name, param in self.params.items_with_rules()
        }

    @property
    def hitl_summary(self) -> dict[str, Any]:
        """Answer what is asked, and what was answered, for listeners."""
        named = ("subject", "body", "options", "defaults", "multiple", "assigned_users")
        return {
            **{name: getattr(self, name) for name in named},
            "serialized_params": self.serialized_params or None,
            **self.hitl_summary_extra,
        }

    def execute(self, context: Any) -> Any:
        """Tell whoever is to be told, and ask.

        Raises:
            TaskAwaitingInput: Always: it goes on in ``execute_complete``.
        """
        timeout = self.response_timeout
        until = None if timeout is None else (utcnow() + timeout).isoformat()
        self._note(timeout_datetime=until)
        for notifier in self.notifiers:
            notifier(context)
        self._ask()

    def _ask(self) -> NoReturn:
        ask_person(
            subject=self.subject,
            options=self.options,
            body=self.body or "",
            defaults=self.defaults,
            multiple=self.multiple,
            params=self.serialized_params,
            assigned_users=[_name_of(user) for user in self.assigned_users],
            timeout=self.response_timeout,
        )

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Go on with the answer.

        Raises:
            ValueError: It does not fit the question.
            ParamValidationError: A field does not fit its rules.
        """
        if "error" in event:
            self.process_trigger_event_error(event)
        chosen = list(event["chosen_options"])
        filled = dict(event.get("params_input") or {})
        if not filled and event.get("responded_by_user") is None:
            filled = self.params.dump()
        self.validate_chosen_options(chosen)
        self.validate_params_input(filled)
        answer = {
            "chosen_options": chosen,
            "params_input": filled,
            "responded_at": _moment(event["responded_at"]),
            "responded_by_user": event["responded_by_user"],
        }
        self._note(**{**answer, "responded_at": answer["responded_at"].isoformat()})
        return answer

    def process_trigger_event_error(self, event: dict[str, Any]) -> NoReturn:
        """Fail as a HITLTrigger says.

        Raises:
            HITLTimeoutError: Nobody answered in time.
            HITLTriggerEventError: Something else went wrong.
        """
        self._note(error_type=event["error_type"])
        kind = HITLTimeoutError if event["error_type"] == "timeout" else HITLTriggerEventError
        raise kind(event["error"])

    def validate_chosen_options(self, chosen_options: Collection[str]) -> None:
        """Check what was chosen.

        Raises:
            ValueError: It is no option.
        """
        strange = [one for one in chosen_options if one not in self.options]
        if strange:
            raise ValueError(
                f"{', '.join(strange)} is no option of task '{self.task_id}'; there are "
                f"{self._offered()}"
            )

    def validate_params_input(self, params_input: Mapping[str, Any]) -> None:
        """Check what was filled in.

        Raises:
            ValueError: A field is missing or unknown.
            ParamValidationError: A field does not fit its rules.
        """
        wrong = sorted(set(params_input) ^ set(self.params))
        if wrong:
            raise ValueError(
                f"Task '{self.task_id}' asks for {', '.join(self.params) or 'no fields'}; the "
                f"answer differs in {', '.join(wrong)}"
            )
        filled = self.params.copy()
        for name, value in params_input.items():
            filled[name] = value
        self.params = filled

    def generate_link_to_ui(
        self,
        *,
        task_instance: Any,
        base_url: str | None = None,
        options: str | Sequence[str] | None = None,
        params_input: Mapping[str, Any] | None = None,
    ) -> str:
        """Answer the address at which the question can be answered, for a notifier to send.

        Args:
            task_instance: The task instance that asks.
            base_url: Of the server; ``[api] base_url`` without.
            options: Chosen there already.
            params_input: Filled in there already.

        Raises:
            ValueError: An option or field is none, or no base URL is known.
        """
        picked = [options] if isinstance(options, str) else list(options or ())
        self.validate_chosen_options(picked)
        unknown = sorted(set(params_input or {}) - set(self.params))
        if unknown:
            raise ValueError(f"Task '{self.task_id}' has no field {', '.join(unknown)}")
        base_url = base_url or conf.get("api", "base_url", fallback=None)
        if not base_url:
            raise ValueError(
                "The server's address is not known: give base_url, or set [api] base_url"
            )
        query: dict[str, Any] = {"_options": picked} if picked else {}
        query.update(params_input or {}, map_index=task_instance.map_index)
        parts = [task_instance.dag_id, task_instance.run_id, task_instance.task_id]
        dag_id, run_id, task_id = (quote(part, safe="") for part in parts)
        path = f"/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/required_actions"
        base = urlsplit(base_url)
        found = (base.scheme, base.netloc, base.path.rstrip("/") + path, urlencode(query, True), "")
        return urlunsplit(found)

    @staticmethod
    def generate_link_to_ui_from_context(
        *,
        context: Any,
        base_url: str | None = None,
        options: Sequence[str] | None = None,
        params_input: Mapping[str, Any] | None = None,
    ) -> str:
        """Answer the same for the task of a context.

        Raises:
            ValueError: That task asks nobody.
        """
        task = context["task"]
        if not isinstance(task, HITLOperator):
            raise ValueError(f"Task '{task.task_id}' asks nobody, so there is nothing to link to")
        return task.generate_link_to_ui(
            task_instance=context["ti"],
            base_url=base_url,
            options=options,
            params_input=params_input,
        )

    def _note(self, **facts: Any) -> None:
        # Another dict: a try works on a shallow copy of what the Dag file made.
        self.hitl_summary_extra = {**self.hitl_summary_extra, **facts}

    def _offered(self) -> str:
        return ", ".join(map(str, self.options))


class ApprovalOperator(HITLOperator, SkipMixin):
    """Asks for approval: after *Approve* the run goes on, after *Reject* what is next is skipped.

    Args:
        ignore_downstream_trigger_rules: On a rejection skip all that comes after, at any distance,
            rather than what is right below.
        fail_on_reject: On a rejection fail instead, without another try.

    Raises:
        ValueError: ``options`` or ``multiple`` is given: they are fixed.

    Example:
        >>> from tradewind import DAG, EmptyOperator
        >>> with DAG("release"):
        ...     approve = ApprovalOperator(task_id="approve", subject="Release {{ ds }}?")
        ...     _ = approve >> EmptyOperator(task_id="publish")
        >>> approve.options
        ['Approve', 'Reject']
    """

    APPROVE = "Approve"
    REJECT = "Reject"
    FIXED_ARGS: Sequence[str] = ("options", "multiple")

    def __init__(
        self,
        *,
        ignore_downstream_trigger_rules: bool = False,
        fail_on_reject: bool = False,
        **kwargs: Any,
    ) -> None:
        for name in self.FIXED_ARGS:
            if name in kwargs:
                raise ValueError(
                    f"ApprovalOperator takes no '{name}': one of {self.APPROVE} and {self.REJECT} "
                    "is chosen"
                )
        super().__init__(options=[self.APPROVE, self.REJECT], multiple=False, **kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules
        self.fail_on_reject = fail_on_reject
        self._note(
            ignore_downstream_trigger_rules=ignore_downstream_trigger_rules,
            fail_on_reject=fail_on_reject,
        )

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Go on with the answer.

        Raises:
            HITLRejectException: It was rejected, and that is to fail the task.
        """
        answer = super().execute_complete(context, event)
        approved = answer["chosen_options"] == [self.APPROVE]
        self._note(approved=approved)
        if approved:
            return answer
        if self.fail_on_reject:
            who = (answer["responded_by_user"] or {}).get("name") or "somebody without a name"
            raise HITLRejectException(f"'{self.subject}' was rejected by {who}")
        short_circuit(self, context, ignore_rules=self.ignore_downstream_trigger_rules)
        return answer


class HITLBranchOperator(HITLOperator, BranchMixIn):
    """Lets people choose which way to go on; its output is what it goes on with.

    An option is the id of a task or task group below, or stands for one in ``options_mapping``.

    Args:
        options_mapping: Option -> id of the task or task group it stands for.

    Raises:
        ValueError: A key is no option, or a value no id.
    """

    def __init__(self, *, options_mapping: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options_mapping = dict(options_mapping or {})
        self.validate_options_mapping()
        self._note(options_mapping=self.options_mapping)

    def validate_options_mapping(self) -> None:
        """Check the mapping.

        Raises:
            ValueError: A key is no option, or a value no id.
        """
        strange = [one for one in self.options_mapping if one not in self.options]
        if strange:
            raise ValueError(
                f"options_mapping of task '{self.task_id}': {', '.join(map(str, strange))} is no "
                f"option; there are {self._offered()}"
            )
        for option, name in self.options_mapping.items():
            if not isinstance(name, str):
                raise ValueError(
                    f"options_mapping of task '{self.task_id}': '{option}' must stand for a task "
                    f"id, not for {name!r}"
                )

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Follow the way that was chosen.

        Raises:
            AirflowException: There is no task or group of that id.
        """
        answer = super().execute_complete(context, event)
        ways = [self.options_mapping.get(one, one) for one in answer["chosen_options"]]
        self._note(branches_to_execute=ways)
        return self.do_branch(context, ways)


class HITLEntryOperator(HITLOperator):
    """Has people fill in a form; unless you say otherwise its one option, and default, is *OK*."""

    OK = "OK"

    def __init__(self, **kwargs: Any) -> None:
        if "options" not in kwargs:
            kwargs["options"] = [self.OK]
            kwargs.setdefault("defaults", [self.OK])
        super().__init__(**kwargs)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _name_of(user: HITLUser | str) -> str:
    return user if isinstance(user, str) else user["name"]


def _moment(value: datetime | str) -> datetime:
    return parse(value) if isinstance(value, str) else value
