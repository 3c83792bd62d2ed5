"""Tasks that run a Python function in another interpreter: an environment made for it, or given."""

import inspect
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

from tradewind.sdk.branching import BaseBranchOperator
from tradewind.sdk.calling import determine_kwargs, merged_kwargs, parameter_names
from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException, AirflowSkipException
from tradewind.sdk.handover import CONTEXT_KEYS_HANDED, Handover, probe
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.sentinels import NOTSET, is_arg_set
from tradewind.sdk.sources import function_source
from tradewind.sdk.subprocesses import SubprocessHook
from tradewind.sdk.virtualenvs import Recipe, default_root, ready_environment

SERIALIZERS = ("pickle", "cloudpickle", "dill")


class OtherPythonOperator(PythonOperator):
    """The root of operators whose function is run by another interpreter.

    The function's text is handed over, so all it needs must be imported inside it. Arguments and
    the answer travel by ``serializer``; of the context, dates and plain values are handed over.
    """

    template_fields: Sequence[str] = (*PythonOperator.template_fields, "env_vars")

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        serializer: str | None = None,
        string_args: Iterable[str] | None = None,
        skip_on_exit_code: int | Collection[int] | None = None,
        env_vars: dict[str, str] | None = None,
        inherit_env: bool = True,
        expect_airflow: Any = NOTSET,
        expect_pendulum: Any = NOTSET,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, **kwargs)
        self.serializer = serializer or "pickle"
        if self.serializer not in SERIALIZERS:
            raise AirflowException(
                f"Task '{self.task_id}' has an unknown serializer '{serializer}'; there are "
                f"{', '.join(SERIALIZERS)}"
            )
        self.source = function_source(python_callable)
        self.string_args = [str(line) for line in string_args or ()]
        codes = skip_on_exit_code
        self.skip_on_exit_code = [codes] if isinstance(codes, int) else list(codes or ())
        self.env_vars = env_vars
        self.inherit_env = inherit_env
        for name, value in (("airflow", expect_airflow), ("pendulum", expect_pendulum)):
            if is_arg_set(value):
                self.warnings.append(
                    f"'expect_{name}' has no effect: what the interpreter has is looked up"
                )

    @cached_property
    def subprocess_hook(self) -> SubprocessHook:
        """Answer what runs the interpreter."""
        return SubprocessHook(self.log)

    def get_python_source(self) -> str:
        """Answer the text of the function that is run."""
        return self.source

    def interpreter(self) -> str:
        """Answer the path of the interpreter; each subclass says which.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement interpreter()")

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer the keyword arguments: the author's, and what of the context can be handed on."""
        names, is_open = parameter_names(self.python_callable)
        asked = [name for name in CONTEXT_KEYS_HANDED if is_open or name in names]
        handed = {name: context[name] for name in asked if name in context}
        return determine_kwargs(
            self.python_callable, self.op_args, merged_kwargs(self.op_kwargs, handed)
        )

    def execute_callable(self) -> Any:
        """Run the function in the other interpreter and answer what it returned.

        Raises:
            AirflowSkipException: It exited with ``skip_on_exit_code``.
            AirflowException: It failed; the log has its traceback.
        """
        self._check_bound()
        path = self.interpreter()
        other = probe(path, self.serializer)
        with TemporaryDirectory(prefix="tradewind-") as folder:
            handover = Handover(Path(folder), self.serializer, other)
            handover.write(self.source, self._function_name(), self.op_args, self.op_kwargs)
            handover.write_string_args(self.string_args)
            done = self.subprocess_hook.run_command(
                handover.command(path), env=self._environment(), cwd=os.getcwd()
            )
            self._check_exit(done.exit_code, handover)
            return handover.read()

    def on_kill(self) -> None:
        """End the interpreter and all it started."""
        self.subprocess_hook.send_sigterm()

    def _function_name(self) -> str:
        return str(inspect.unwrap(self.python_callable).__name__)

    def _check_bound(self) -> None:
        try:
            inspect.signature(self.python_callable).bind(*self.op_args, **self.op_kwargs)
        except TypeError as error:
            raise AirflowException(
                f"Task '{self.task_id}': {error}. Only dates, ids, params and other plain values "
                "of the context can be handed to another interpreter."
            ) from None

    def _environment(self) -> dict[str, str]:
        env = dict(os.environ) if self.inherit_env else {}
        env.update({name: str(value) for name, value in (self.env_vars or {}).items()})
        # Its output is read as it comes; a pipe would hold it back.
        env["PYTHONUNBUFFERED"] = "1"
        return env

    def _check_exit(self, code: int, handover: Handover) -> None:
        if code in self.skip_on_exit_code:
            raise AirflowSkipException(f"The interpreter exited with code {code}: skipped")
        if code != 0:
            told = handover.error()
            raise AirflowException(
                f"The interpreter of task '{self.task_id}' exited with code {code}"
                + (f": {told}" if told else "")
            )


class ExternalPythonOperator(OtherPythonOperator):
    """Runs a function by the interpreter at ``python``, with all that is installed there.

    Example:
        >>> import sys
        >>> from tradewind import DAG
        >>> from tradewind.sdk.operators.interpreters import ExternalPythonOperator
        >>> def double(n):
        ...     return 2 * n
        >>> with DAG("elsewhere"):
        ...     task = ExternalPythonOperator(
        ...         task_id="double", python=sys.executable, python_callable=double, op_args=[2]
        ...     )
        >>> "return 2 * n" in task.source
        True
    """

    template_fields: Sequence[str] = ("python", *OtherPythonOperator.template_fields)

    def __init__(self, *, python: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not python:
            raise ValueError(f"Task '{self.task_id}' needs 'python', the path of an interpreter")
        self.python = python

    def interpreter(self) -> str:
        """Answer the path given.

        Raises:
            AirflowException: There is no program at that path.
        """
        path = os.path.expanduser(self.python)
        if not os.access(path, os.X_OK) or os.path.isdir(path):
            raise AirflowException(f"There is no Python interpreter at '{self.python}'")
        return path


class PythonVirtualenvOperator(OtherPythonOperator):
    """Runs a function in a Python environment that has ``requirements`` installed.

    The environment is made once and kept for all tasks that need the same one: in
    ``venv_cache_path``, or in Tradewind's home folder. With uv on the path it is made in
    milliseconds, and ``python_version`` may be one that this machine does not have yet.
    """

    template_fields: Sequence[str] = (
        "requirements",
        "index_urls",
        "index_urls_from_connection_ids",
        "venv_cache_path",
        *OtherPythonOperator.template_fields,
    )
    template_ext: Sequence[str] = (".txt",)

    def __init__(
        self,
        *,
        requirements: str | Iterable[str] | None = None,
        python_version: str | None = None,
        system_site_packages: bool = True,
        pip_install_options: Iterable[str] | None = None,
        index_urls: str | Collection[str] | None = None,
        index_urls_from_connection_ids: str | Collection[str] | None = None,
        venv_cache_path: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        many = requirements is None or isinstance(requirements, str)
        self.requirements: Any = requirements if many else list(requirements or ())
        self.python_version = None if python_version is None else str(python_version)
        self.system_site_packages = system_site_packages
        self.pip_install_options = list(pip_install_options or ())
        self.index_urls = _listed(index_urls)
        self.index_urls_from_connection_ids = _listed(index_urls_from_connection_ids)
        self.venv_cache_path = None if venv_cache_path is None else str(venv_cache_path)

    def recipe(self) -> Recipe:
        """Answer what the environment is made from."""
        asked = self.requirements or ()
        lines = asked.splitlines() if isinstance(asked, str) else [str(line) for line in asked]
        lines = [line.strip() for line in lines if line.strip()]
        if self.serializer != "pickle" and not any(_names(one, self.serializer) for one in lines):
            lines.append(self.serializer)
        urls = self.index_urls
        if self.index_urls_from_connection_ids:
            known = [_index_url(name) for name in self.index_urls_from_connection_ids]
            urls = [*(urls or ()), *known]
        return Recipe(
            requirements=tuple(lines),
            python_version=self.python_version,
            system_site_packages=self.system_site_packages,
            pip_install_options=tuple(self.pip_install_options),
            index_urls=None if urls is None else tuple(urls),
        )

    def interpreter(self) -> str:
        """Answer the interpreter of the environment; it is made if it is not there yet."""
        root = Path(self.venv_cache_path) if self.venv_cache_path else default_root()
        return ready_environment(self.recipe(), root, self.subprocess_hook)


class BranchExternalPythonOperator(BaseBranchOperator, ExternalPythonOperator):
    """Runs a function by another interpreter; its answer names the tasks to go on with."""

    def choose_branch(self, context: Any) -> Any:
        """Answer what the function answers."""
        return ExternalPythonOperator.execute(self, context)


class BranchPythonVirtualenvOperator(BaseBranchOperator, PythonVirtualenvOperator):
    """Runs a function in an environment of its own; its answer names the tasks to go on with."""

    def choose_branch(self, context: Any) -> Any:
        """Answer what the function answers."""
        return PythonVirtualenvOperator.execute(self, context)


def _listed(given: str | Collection[str] | None) -> list[str] | None:
    return [given] if isinstance(given, str) else None if given is None else list(given)


def _names(requirement: str, package: str) -> bool:
    rest = requirement.removeprefix(package)
    return rest != requirement and not rest[:1].isalnum()


def _index_url(conn_id: str) -> str:
    found = Connection.get(conn_id)
    if not found.host:
        raise AirflowException(f"Connection '{conn_id}' has no host: it should be an index's URL")
    parts = urlsplit(found.host if "://" in found.host else f"https://{found.host}")
    login = quote(found.login or "", safe="")
    if found.password:
        login = f"{login}:{quote(found.password, safe='')}"
    return parts._replace(netloc=f"{login}@{parts.netloc}" if login else parts.netloc).geturl()
