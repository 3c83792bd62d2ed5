"""A sensor that asks a Bash command."""

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from tradewind.sdk.exceptions import AirflowFailException
from tradewind.sdk.sensor import BaseSensorOperator
from tradewind.sdk.subprocesses import SubprocessHook


class BashSensor(BaseSensorOperator):
    """Waits until a Bash command exits with 0.

    Args:
        bash_command: The command.
        env: The command's whole environment, instead of the worker's.
        output_encoding: How to read what it writes.
        retry_exit_code: The one code that means "not yet"; any other but 0 then fails the task.
            Without it, each code but 0 means "not yet".

    Example:
        >>> from tradewind import DAG
        >>> with DAG("waiting"):
        ...     wait = BashSensor(task_id="mounted", bash_command="test -d /mnt/data")
        >>> wait.retry_exit_code is None
        True
    """

    template_fields: Sequence[str] = ("bash_command", "env")
    template_fields_renderers: Mapping[str, str] = {"bash_command": "bash", "env": "json"}

    def __init__(
        self,
        *,
        bash_command: str,
        env: dict[str, str] | None = None,
        output_encoding: str = "utf-8",
        retry_exit_code: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.output_encoding = output_encoding
        self.retry_exit_code = retry_exit_code
        self._hook: SubprocessHook | None = None

    def poke(self, context: Any) -> bool:
        """Run the command once.

        Raises:
            AirflowFailException: It exited with a code that is neither 0 nor ``retry_exit_code``.
        """
        self._hook = SubprocessHook(self.log)
        bash = shutil.which("bash") or "bash"
        code = self._hook.run_command(
            [bash, "-c", self.bash_command], env=self.env, output_encoding=self.output_encoding
        ).exit_code
        if code and self.retry_exit_code is not None and code != self.retry_exit_code:
            raise AirflowFailException(f"Bash command exited with code {code}")
        return code == 0

    def on_kill(self) -> None:
        """End the command and all it started."""
        if self._hook is not None:
            self._hook.send_sigterm()
