"""A task that runs a Bash command or script."""

import os
import shutil
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cached_property
from typing import Any

from tradewind.sdk.context_vars import context_to_airflow_vars
from tradewind.sdk.exceptions import AirflowException, AirflowSkipException
from tradewind.sdk.operator import BaseOperator
from tradewind.sdk.subprocesses import SubprocessHook


class BashOperator(BaseOperator):
    """Runs ``bash_command``; its output goes to the log, its last line is what the task returns.

    Exit code 0 is success, ``skip_on_exit_code`` (99) a skip, any other a failure. A command that
    ends in ``.sh`` or ``.bash`` is read as a template file; a space after it runs it as it is.

    Example:
        >>> from tradewind import DAG, BashOperator
        >>> with DAG("shell") as dag:
        ...     task = BashOperator(task_id="say", bash_command="echo {{ ds }}")
        >>> task.template_fields
        ('bash_command', 'env', 'cwd')
    """

    template_fields: Sequence[str] = ("bash_command", "env", "cwd")
    template_fields_renderers: Mapping[str, str] = {"bash_command": "bash", "env": "json"}
    template_ext: Sequence[str] = (".sh", ".bash")
    ui_color = "#f0ede4"

    def __init__(
        self,
        *,
        bash_command: Any,
        env: dict[str, str] | None = None,
        append_env: bool = False,
        output_encoding: str = "utf-8",
        skip_on_exit_code: int | Container[int] | None = 99,
        cwd: str | None = None,
        output_processor: Callable[[str], Any] = lambda result: result,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.append_env = append_env
        self.output_encoding = output_encoding
        self.skip_on_exit_code: Any = (
            [skip_on_exit_code] if isinstance(skip_on_exit_code, int) else skip_on_exit_code or ()
        )
        self.cwd = cwd
        self.output_processor = output_processor

    @cached_property
    def subprocess_hook(self) -> SubprocessHook:
        """Answer what runs the command."""
        return SubprocessHook(self.log)

    def get_env(self, context: Mapping[str, Any]) -> dict[str, str]:
        """Answer the command's environment: the worker's, or ``env`` instead of or over it."""
        env = dict(os.environ) if self.env is None or self.append_env else {}
        env.update({name: str(value) for name, value in (self.env or {}).items()})
        env.update(context_to_airflow_vars(context, in_env_var_format=True))
        return env

    def execute(self, context: Any) -> Any:
        """Run the command.

        Raises:
            AirflowSkipException: It exited with ``skip_on_exit_code``.
            AirflowException: It exited with another code than 0, or ``cwd`` is no folder.
        """
        bash = shutil.which("bash") or "bash"
        if self.cwd is not None and not os.path.isdir(self.cwd):
            raise AirflowException(f"The cwd '{self.cwd}' is no folder")
        result = self.subprocess_hook.run_command(
            [bash, "-c", self.bash_command],
            env=self.get_env(context),
            output_encoding=self.output_encoding,
            cwd=self.cwd,
        )
        if result.exit_code in self.skip_on_exit_code:
            raise AirflowSkipException(f"Bash command exited with code {result.exit_code}: skipped")
        if result.exit_code != 0:
            raise AirflowException(
                f"Bash command failed with exit code {result.exit_code}; its last line was: "
                f"{result.output}"
            )
        return self.output_processor(result.output)

    def on_kill(self) -> None:
        """End the command and all it started."""
        self.subprocess_hook.send_sigterm()
