"""Notifiers: callbacks that are objects, with fields that are templates."""

import copy
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from typing import Any

from tradewind.sdk.calling import run_to_end
from tradewind.sdk.log import LoggingMixin
from tradewind.sdk.templating import Templater


class BaseNotifier(LoggingMixin, Templater):
    """Tells somebody of something; an instance can be given wherever a callback can.

    Implement ``notify``, or ``async_notify``, or both. Fields named in ``template_fields`` are
    rendered with the context before. What it raises is for its caller to log, and where the server
    owes the call, to try again.

    Example:
        >>> class Say(BaseNotifier):
        ...     template_fields = ("words",)
        ...
        ...     def __init__(self, words):
        ...         super().__init__()
        ...         self.words = words
        ...
        ...     def notify(self, context):
        ...         print(self.words)
        >>> Say("{{ dag.dag_id }} is late")({"dag": {"dag_id": "sales"}})
        sales is late
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self.context: dict[str, Any] = dict(kwargs)

    def notify(self, context: Any) -> None:
        """Tell it.

        Raises:
            NotImplementedError: The subclass says neither this nor ``async_notify``.
        """
        if type(self).async_notify is BaseNotifier.async_notify:
            raise NotImplementedError(f"{type(self).__name__} does not implement notify()")
        run_to_end(self.async_notify(context))

    async def async_notify(self, context: Any) -> None:
        """Tell it without holding up others.

        Raises:
            NotImplementedError: The subclass does not say how.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement async_notify()")

    def render_template_fields(self, context: Mapping[str, Any], jinja_env: Any = None) -> None:
        """Render the template fields in place."""
        dag = context.get("dag")
        env = jinja_env or self.get_template_env(dag if hasattr(dag, "get_template_env") else None)
        self._do_render_template_fields(self, self.template_fields, context, env, set())

    def __call__(self, *args: Any) -> None:
        """Render, then tell.

        Raises:
            Exception: Whatever telling raises.
        """
        context = args[0] if len(args) == 1 else _of_misses(args)
        # A copy: the same notifier may be called for other tasks, with other contexts.
        copy.copy(self)._tell(context)  # noqa: SLF001 - its own class

    def _tell(self, context: Any) -> None:
        self._update_context(context)
        self.render_template_fields(self._with_own(context))
        self.notify(context)

    def __await__(self) -> Any:
        return self._notify_later().__await__()

    async def _notify_later(self) -> None:
        self.render_template_fields(self._with_own(self.context))
        await self.async_notify(self.context)

    def _update_context(self, context: Any) -> None:
        """Change the context before it is rendered; for subclasses."""

    def _with_own(self, context: MutableMapping[str, Any]) -> Mapping[str, Any]:
        own = {field: getattr(self, field, None) for field in self.template_fields}
        return ChainMap(own, context)


def _of_misses(args: tuple[Any, ...]) -> dict[str, Any]:
    names = ("dag", "task_list", "blocking_task_list", "slas", "blocking_tis")
    return dict(zip(names, args, strict=False))
