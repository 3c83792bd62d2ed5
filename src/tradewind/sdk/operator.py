"""BaseOperator: what every task is made from."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn, Self

from tradewind.sdk import scope
from tradewind.sdk.arguments import as_list, as_span, as_trigger_rule, as_weight_rule, as_whole
from tradewind.sdk.deadlines import DeadlineAlert, as_alerts
from tradewind.sdk.defaults import OperatorMeta, accepted_names
from tradewind.sdk.enums import TriggerRule, WeightRule
from tradewind.sdk.exceptions import (
    TaskDeferralError,
    TaskDeferralTimeout,
    TaskDeferred,
)
from tradewind.sdk.mapped import OperatorPartial
from tradewind.sdk.naming import check_key
from tradewind.sdk.node import (
    DEFAULT_OWNER,
    DEFAULT_POOL_NAME,
    DEFAULT_POOL_SLOTS,
    DEFAULT_PRIORITY_WEIGHT,
    DEFAULT_QUEUE,
    DEFAULT_RETRIES,
    DEFAULT_RETRY_DELAY_SECONDS,
    DEFAULT_TRIGGER_RULE,
    AbstractOperator,
)
from tradewind.sdk.params import ParamsDict
from tradewind.sdk.references import iter_references
from tradewind.sdk.removed import TASK_IGNORED, TASK_RENAMED, refuse_unknown, take_removed
from tradewind.sdk.timezone import as_instant

Callback = Callable[[Any], Any]

FAIL_METHOD = "__fail__"
"""The ``next_method`` of a deferred task whose trigger said nothing to go on with."""
TRIGGER_TIMEOUT = "Trigger timeout"

_WITHOUT_EFFECT: Mapping[str, tuple[Any, str]] = {
    "resources": (None, "workers do not reserve resources"),
    "executor": (None, "every task is run by a worker of its queue"),
    "executor_config": (None, "every task is run by a worker of its queue"),
}
"""Argument: the value that asks for nothing, and what a person must know about any other."""


class BaseOperator(AbstractOperator, metaclass=OperatorMeta):
    """The root of all operators: subclass it, take your arguments by name, implement ``execute``.

    Example:
        >>> from tradewind import DAG, BaseOperator
        >>> class Greet(BaseOperator):
        ...     template_fields = ("who",)
        ...
        ...     def __init__(self, *, who, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.who = who
        ...
        ...     def execute(self, context):
        ...         return f"Hello {self.who}"
        >>> with DAG("greetings", default_args={"retries": 2}):
        ...     task = Greet(task_id="greet", who="{{ ds }}")
        >>> task.retries
        2
    """

    template_fields: Sequence[str] = ()
    template_ext: Sequence[str] = ()
    template_fields_renderers: Mapping[str, str] = {}
    ui_color: str = "#fff"
    ui_fgcolor: str = "#000"
    operator_extra_links: Collection[Any] = ()
    shallow_copy_attrs: Sequence[str] = ()
    start_trigger_args: Any = None
    start_from_trigger: bool = False
    overwrite_rtif_after_execution: bool = False
    is_async: bool = False
    asks_for_params: bool = False
    """Whether its Params are fields for people to fill in, and no values for the context."""
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False

    owner: str
    email: str | Sequence[str] | None
    email_on_retry: bool
    email_on_failure: bool
    retries: int
    retry_delay: timedelta
    retry_exponential_backoff: float
    max_retry_delay: timedelta | None
    retry_policy: Any
    start_date: datetime | None
    end_date: datetime | None
    depends_on_past: bool
    ignore_first_depends_on_past: bool
    wait_for_downstream: bool
    params: ParamsDict
    priority_weight: int
    weight_rule: Any
    """A WeightRule, or a PriorityWeightStrategy."""
    queue: str
    pool: str
    pool_slots: int
    execution_timeout: timedelta | None
    on_execute_callback: list[Callback]
    on_failure_callback: list[Callback]
    on_success_callback: list[Callback]
    on_retry_callback: list[Callback]
    on_skipped_callback: list[Callback]
    deadline: list[DeadlineAlert]
    trigger_rule: TriggerRule
    map_index_template: str | None
    max_active_tis_per_dag: int | None
    max_active_tis_per_dagrun: int | None
    executor: str | None
    executor_config: dict[str, Any]
    do_xcom_push: bool
    multiple_outputs: bool
    xcom_pickle: bool
    inlets: list[Any]
    outlets: list[Any]
    doc: str | None
    doc_md: str | None
    doc_json: str | None
    doc_yaml: str | None
    doc_rst: str | None
    task_display_name: str
    allow_nested_operators: bool
    logger_name: str | None
    resources: Any
    run_as_user: str | None
    render_template_as_native_obj: bool | None
    warnings: list[str]

    def __init__(
        self,
        *,
        task_id: str,
        owner: str = DEFAULT_OWNER,
        email: str | Sequence[str] | None = None,
        email_on_retry: bool = True,
        email_on_failure: bool = True,
        retries: int | None = DEFAULT_RETRIES,
        retry_delay: timedelta | float = timedelta(seconds=DEFAULT_RETRY_DELAY_SECONDS),
        retry_exponential_backoff: float = 0,
        max_retry_delay: timedelta | float | None = None,
        retry_policy: Any = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        depends_on_past: bool = False,
        ignore_first_depends_on_past: bool = False,
        wait_for_past_depends_before_skipping: bool = False,
        wait_for_downstream: bool = False,
        dag: Any | None = None,
        params: Mapping[str, Any] | None = None,
        default_args: dict[str, Any] | None = None,
        priority_weight: int = DEFAULT_PRIORITY_WEIGHT,
        weight_rule: Any = WeightRule.DOWNSTREAM,
        queue: str = DEFAULT_QUEUE,
        pool: str | None = None,
        pool_slots: int = DEFAULT_POOL_SLOTS,
        execution_timeout: timedelta | None = None,
        on_execute_callback: Callback | Collection[Callback] | None = None,
        on_failure_callback: Callback | Collection[Callback] | None = None,
        on_success_callback: Callback | Collection[Callback] | None = None,
        on_retry_callback: Callback | Collection[Callback] | None = None,
        on_skipped_callback: Callback | Collection[Callback] | None = None,
        pre_execute: Callback | None = None,
        post_execute: Callable[[Any, Any], Any] | None = None,
        deadline: Any = None,
        trigger_rule: str = DEFAULT_TRIGGER_RULE,
        resources: Any = None,
        run_as_user: str | None = None,
        map_index_template: str | None = None,
        max_active_tis_per_dag: int | None = None,
        max_active_tis_per_dagrun: int | None = None,
        executor: str | None = None,
        executor_config: Any = None,
        do_xcom_push: bool = True,
        multiple_outputs: bool = False,
        xcom_pickle: bool = False,
        inlets: Any = None,
        outlets: Any = None,
        task_group: Any | None = None,
        doc: str | None = None,
        doc_md: str | None = None,
        doc_json: str | None = None,
        doc_yaml: str | None = None,
        doc_rst: str | None = None,
        task_display_name: str | None = None,
        logger_name: str | None = None,
        allow_nested_operators: bool = True,
        render_template_as_native_obj: bool | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        for name in ("self", "kwargs", "__class__"):
            given.pop(name, None)
        renamed, self.warnings = take_removed(kwargs, TASK_RENAMED, TASK_IGNORED)
        refuse_unknown(f"{type(self).__name__} (task '{task_id}')", kwargs, known_names(self))
        given.update(renamed)
        self._settle(given)

    def _settle(self, given: dict[str, Any]) -> None:
        """Check what was given, keep it, and join Dag and group."""
        self.upstream_task_ids = set()
        self.downstream_task_ids = set()
        dag = given.pop("dag") or scope.current_dag()
        group = given.pop("task_group")
        group = group if group is not None else scope.current_group(dag)
        task_id = check_key("task_id", given.pop("task_id"))
        self.task_id = group.child_id(task_id) if group is not None else task_id
        check_key("task_id", self.task_id)
        self._set_warnings(given)
        self._set_hooks(given)
        self._set_times(given, dag)
        self._set_rules(given)
        dag_params = dag.params if dag is not None else {}
        own = given.pop("params") or {}
        merged = ParamsDict(dag_params)
        for name, value in ParamsDict(own).items_with_rules():
            merged[name] = value
        self.params = merged
        given.pop("default_args")
        for name, value in given.items():
            setattr(self, name, value)
        self._join(dag, group)

    def _set_warnings(self, given: dict[str, Any]) -> None:
        for name, (nothing, reason) in _WITHOUT_EFFECT.items():
            value = given[name]
            if value != nothing and value not in ({}, [], ()):
                self.warnings.append(f"'{name}' has no effect: {reason}")
        given["inlets"] = as_list(given["inlets"])
        given["outlets"] = as_list(given["outlets"])
        given["executor_config"] = given["executor_config"] or {}

    def _set_hooks(self, given: dict[str, Any]) -> None:
        for event in ("execute", "failure", "success", "retry", "skipped"):
            name = f"on_{event}_callback"
            given[name] = as_list(given[name])
        given["deadline"] = as_alerts(given["deadline"])
        self._pre_execute_hook = given.pop("pre_execute")
        self._post_execute_hook = given.pop("post_execute")

    def _set_times(self, given: dict[str, Any], dag: Any | None) -> None:
        zone = dag.timezone if dag is not None else None
        given["start_date"] = as_instant("start_date", given["start_date"], zone)
        given["end_date"] = as_instant("end_date", given["end_date"], zone)
        given["retry_delay"] = as_span("retry_delay", given["retry_delay"])
        given["max_retry_delay"] = as_span("max_retry_delay", given["max_retry_delay"])
        timeout = given["execution_timeout"]
        if timeout is not None and not isinstance(timeout, timedelta):
            raise TypeError(f"execution_timeout must be a timedelta, not {type(timeout).__name__}")

    def _set_rules(self, given: dict[str, Any]) -> None:
        policy = given["retry_policy"]
        if policy is not None and not hasattr(policy, "evaluate"):
            raise TypeError(
                f"retry_policy of task '{self.task_id}' must be a RetryPolicy, not {policy!r}"
            )
        given["trigger_rule"] = as_trigger_rule(given["trigger_rule"], self.task_id)
        given["weight_rule"] = as_weight_rule(given["weight_rule"], self.task_id)
        given["retries"] = as_whole("retries", given["retries"] or 0, 0)
        given["pool"] = given["pool"] or DEFAULT_POOL_NAME
        given["pool_slots"] = as_whole("pool_slots", given["pool_slots"], 1)
        given["priority_weight"] = as_whole("priority_weight", given["priority_weight"])
        backoff = given["retry_exponential_backoff"]
        given["retry_exponential_backoff"] = 2.0 if backoff is True else float(backoff or 0)
        if given["wait_for_downstream"]:
            given["depends_on_past"] = True
        given["task_display_name"] = given["task_display_name"] or self.task_id

    def _join(self, dag: Any | None, group: Any | None) -> None:
        self.task_group = group
        if scope.is_detached():
            self._dag = dag
            return
        if group is not None:
            group.add(self)
        if dag is not None:
            self.dag = dag
        scope.note_work(self)

    def finish_init(self) -> None:
        """Draw the lines to the tasks whose outputs the template fields use."""
        if scope.is_detached():
            return
        for task, _ in self.iter_inputs():
            self.set_upstream(task)
        self.__dict__["_is_made"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if "_is_made" in self.__dict__ and name in self.template_fields:
            for task, _ in iter_references(value):
                self.set_upstream(task)

    @classmethod
    def partial(cls, *, task_id: str, **kwargs: Any) -> OperatorPartial:
        """Fix the arguments that are the same for all mapped instances; ``expand`` gives the rest.

        Raises:
            TypeError: The class takes no such argument.

        Example:
            >>> from tradewind import DAG, BashOperator
            >>> with DAG("mapped") as dag:
            ...     task = BashOperator.partial(task_id="say").expand(bash_command=["a", "b"])
            >>> task.is_mapped
            True
        """
        dag = kwargs.pop("dag", None) or scope.current_dag()
        group = kwargs.pop("task_group", None)
        group = group if group is not None else scope.current_group(dag)
        with scope.detached(dag, group):
            shape = BaseOperator(
                task_id=task_id,
                **{name: value for name, value in kwargs.items() if name in BASE_NAMES},
            )
        return OperatorPartial(cls, task_id=task_id, kwargs=kwargs, shape=shape)

    def prepare_for_execution(self) -> Self:
        """Answer a copy to render and run, so that this one stays as it was written."""
        # What ``copy.copy`` does, at a third of its cost: every task does it.
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.__dict__.pop("_is_made", None)
        return twin

    def render_template_fields(
        self,
        context: Mapping[str, Any],
        jinja_env: Any | None = None,
        seen_oids: set[int] | None = None,
    ) -> None:
        """Render the template fields in place."""
        seen = seen_oids if seen_oids is not None else set()
        self._do_render_template_fields(self, self.template_fields, context, jinja_env, seen)

    def get_template_env(self, dag: Any | None = None) -> Any:
        """Answer the Jinja environment: the Dag's, native or not as this task says."""
        dag = dag if dag is not None else self._dag
        if dag is None:
            return super().get_template_env()
        return dag.get_template_env(force_native=self.render_template_as_native_obj)

    def pre_execute(self, context: Any) -> None:
        """Do what must happen right before ``execute``."""
        if self._pre_execute_hook is not None:
            self._pre_execute_hook(context)

    def execute(self, context: Any) -> Any:
        """Do the work; what is returned becomes this task's output.

        Raises:
            NotImplementedError: The subclass does not say what the work is.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement execute()")

    def post_execute(self, context: Any, result: Any = None) -> None:
        """Do what must happen right after ``execute``."""
        if self._post_execute_hook is not None:
            self._post_execute_hook(context, result)

    def defer(
        self,
        *,
        trigger: Any,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | float | None = None,
    ) -> NoReturn:
        """Give the place back until the trigger says something; ``method_name`` goes on then.

        The method is called with the context, ``event`` and what ``kwargs`` holds, in a new
        process, on a copy of this operator as the Dag file makes it: what ``execute`` changed on
        ``self`` is gone.

        Raises:
            TaskDeferred: Always; let it pass.
        """
        raise TaskDeferred(trigger=trigger, method_name=method_name, kwargs=kwargs, timeout=timeout)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any
    ) -> Any:
        """Go on after a deferral: called instead of ``execute``.

        Raises:
            TaskDeferralTimeout: The trigger took longer than its timeout.
            TaskDeferralError: The trigger failed.
        """
        given = dict(next_kwargs or {})
        if next_method == FAIL_METHOD:
            if given.get("traceback"):
                self.log.error("Trigger failed:\n%s", "".join(given["traceback"]))
            error = given.get("error", "Unknown")
            if error == TRIGGER_TIMEOUT:
                raise TaskDeferralTimeout(error)
            raise TaskDeferralError(error)
        return getattr(self, next_method)(context, **given)

    def on_kill(self) -> None:
        """Clean up what would live on when the task is ended from outside."""

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __repr__(self) -> str:
        return f"<Task({self.task_type}): {self.task_id}>"


def known_names(operator: BaseOperator) -> set[str]:
    """Answer the arguments this operator's class takes."""
    return accepted_names(type(operator)) or set(BASE_NAMES)


BASE_NAMES: frozenset[str] = (
    frozenset(accepted_names(BaseOperator) or ()) | TASK_RENAMED.keys() | TASK_IGNORED.keys()
)
"""Every argument BaseOperator itself takes."""
