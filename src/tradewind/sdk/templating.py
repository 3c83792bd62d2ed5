"""Templates in operators: Jinja expressions in template fields, rendered when the task runs."""

import datetime as dt
import logging
from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from tradewind.sdk.edges import DependencyMixin
from tradewind.sdk.references import Reference

log = logging.getLogger(__name__)


class LiteralValue(Reference):
    """A value in a template field that is handed over as it is."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Answer the value."""
        return self.value


def literal(value: Any) -> LiteralValue:
    """Keep a value in a template field from being rendered.

    Example:
        >>> literal("{{ ds }}").resolve({})
        '{{ ds }}'
    """
    return LiteralValue(value)


class Templater:
    """Renders its ``template_fields``: nested strings, files by extension, references."""

    template_fields: Sequence[str] = ()
    template_ext: Sequence[str] = ()

    def resolve_template_files(self) -> None:
        """Replace values of template fields that end in a ``template_ext`` by the file's text."""
        if not self.template_ext:
            return
        for field in self.template_fields:
            content = getattr(self, field, None)
            if isinstance(content, str) and self._is_file(content):
                setattr(self, field, self._read_template(content))
            elif isinstance(content, list):
                for index, item in enumerate(content):
                    if isinstance(item, str) and self._is_file(item):
                        content[index] = self._read_template(item)
        self.prepare_template()

    def prepare_template(self) -> None:
        """Change template fields after files were read and before rendering; for subclasses."""

    def get_template_env(self, dag: Any | None = None) -> Any:
        """Answer the Jinja environment of the Dag, or a plain one."""
        dag = dag if dag is not None else getattr(self, "_dag", None)
        if dag is not None:
            return dag.get_template_env()
        return make_environment([])

    def _is_file(self, content: str) -> bool:
        return any(content.endswith(extension) for extension in self.template_ext)

    def _read_template(self, name: str) -> str:
        env = self.get_template_env()
        return str(env.loader.get_source(env, name)[0])

    def render_template(
        self,
        content: Any,
        context: Mapping[str, Any],
        jinja_env: Any | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Answer the value rendered: strings, what is inside collections and objects, references.

        Raises:
            jinja2.TemplateError: A template is malformed or uses a name the context lacks.
        """
        env = jinja_env
        seen = seen_oids if seen_oids is not None else set()
        if id(content) in seen:
            return content
        if isinstance(content, str):
            return self._render_text(content, context, env)
        if isinstance(content, Reference):
            return content.resolve(context)
        if isinstance(content, list | tuple | set | dict):
            return self._render_collection(content, context, env, seen)
        if not isinstance(content, DependencyMixin):
            fields = getattr(content, "template_fields", None)
            if isinstance(fields, Collection) and not isinstance(fields, str):
                seen.add(id(content))
                self._do_render_template_fields(content, fields, context, env, seen)
        return content

    def _render_text(self, content: str, context: Mapping[str, Any], env: Any) -> Any:
        is_file = self._is_file(content)
        if not is_file and "{" not in content and "#" not in content:
            return content
        # Made where something is to be rendered: most tasks have no template at all.
        env = env if env is not None else self.get_template_env()
        template = env.get_template(content) if is_file else env.from_string(content)
        return render(template, context)

    def _render_collection(
        self, content: Any, context: Mapping[str, Any], env: Any, seen: set[int]
    ) -> Any:
        if isinstance(content, dict):
            return {
                key: self.render_template(value, context, env, seen)
                for key, value in content.items()
            }
        items = [self.render_template(item, context, env, seen) for item in content]
        if isinstance(content, tuple) and type(content) is not tuple:
            return type(content)(*items)
        return items if isinstance(content, list) else type(content)(items)

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Mapping[str, Any],
        jinja_env: Any,
        seen_oids: set[int],
    ) -> None:
        for field in template_fields:
            value = getattr(parent, field, None)
            if not value:
                continue
            try:
                rendered = self.render_template(value, context, jinja_env, seen_oids)
            except Exception as error:
                name = getattr(parent, "task_id", type(parent).__name__)
                error.add_note(f"This came up in the template field '{field}' of '{name}'.")
                raise
            setattr(parent, field, rendered)


class _Names(ChainMap[str, Any]):
    """Names that a template may use, each looked up when it is used."""

    def __init__(self, *maps: Mapping[str, Any]) -> None:
        super().__init__(*cast(Any, maps))

    def copy(self) -> Any:
        """Answer nothing: Jinja wants a copy of all values to show beside a traceback."""
        return {}


def render(template: Any, context: Mapping[str, Any]) -> Any:
    """Answer a Jinja template rendered; of the context only what it names is looked up.

    ``template.render`` would copy the whole context first, and make each of its values.

    Raises:
        jinja2.TemplateError: A name is unknown, or an expression goes wrong.
    """
    names = template.new_context(_Names(context, template.globals), shared=True)
    try:
        return template.environment.concat(template.root_render_func(names))
    except Exception as error:
        if "logical_date" not in context:
            _explain_date(error)
        # Raises the same error, told with the lines of the template.
        template.environment.handle_exception()
        raise


def _explain_date(error: Exception) -> None:
    """Say why a name that needs a logical date is unknown, where that is what went wrong."""
    _, _, rest = str(error).partition("'")
    missing = rest.partition("'")[0]
    if missing in NEED_DATE:
        error.add_note(
            f"'{missing}' needs a logical date, and this run has none. What every run has is "
            "dag_run.run_after: '{{ dag_run.run_after | ds }}'."
        )


def make_environment(
    searchpath: Collection[str | Path],
    *,
    native: bool = False,
    undefined: Any | None = None,
    macros: Mapping[str, Any] | None = None,
    filters: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """Answer a sandboxed Jinja environment that refuses unknown names and has the field's filters.

    In native mode a template that is one expression answers a Python object.
    """
    # jinja2 costs 40 ms to import and nothing but a running task renders.
    import jinja2  # noqa: PLC0415

    settings: dict[str, Any] = {
        "loader": jinja2.FileSystemLoader([str(path) for path in searchpath]),
        "undefined": undefined if undefined is not None else jinja2.StrictUndefined,
        "extensions": ["jinja2.ext.do"],
        "cache_size": 0,
        **(options or {}),
    }
    env = _environment_classes()[native](**settings)
    env.filters.update(DATE_FILTERS)
    env.filters.update(filters or {})
    env.globals.update(macros or {})
    return env


@cache
def _environment_classes() -> tuple[type[Any], type[Any]]:
    # As in make_environment: only a running task needs jinja2.
    import jinja2.nativetypes  # noqa: PLC0415
    import jinja2.sandbox  # noqa: PLC0415

    class Names(jinja2.runtime.Context):
        def get_all(self) -> Any:
            """Answer all names, none of them looked up."""
            return _Names(self.vars, self.parent)

    class Environment(jinja2.sandbox.SandboxedEnvironment):
        context_class = Names

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            """Allow names with one underscore, which Dag files use, and nothing internal."""
            return not (attr.startswith("__") or jinja2.sandbox.is_internal_attribute(obj, attr))

    class NativeEnvironment(jinja2.nativetypes.NativeEnvironment, Environment):
        pass

    return Environment, NativeEnvironment


def _ds(value: dt.datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%d")


def _ds_nodash(value: dt.datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y%m%d")


def _ts(value: dt.datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _ts_nodash(value: dt.datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y%m%dT%H%M%S")


def _ts_nodash_with_tz(value: dt.datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("-", "").replace(":", "")


NEED_DATE = frozenset(
    {
        *("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz"),
        *("logical_date", "data_interval_start", "data_interval_end"),
        *("prev_data_interval_start_success", "prev_data_interval_end_success"),
    }
)
"""Names that the context of a run without logical date does not have."""

DATE_FILTERS = {
    "ds": _ds,
    "ds_nodash": _ds_nodash,
    "ts": _ts,
    "ts_nodash": _ts_nodash,
    "ts_nodash_with_tz": _ts_nodash_with_tz,
}
"""How a datetime is written in templates: ``{{ data_interval_end | ds }}``."""
