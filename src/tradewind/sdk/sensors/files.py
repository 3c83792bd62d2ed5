"""A sensor that waits for files."""

import dataclasses
import os
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from tradewind.sdk.deferring import Described, is_deferrable
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.globbing import find_file
from tradewind.sdk.hooks.filesystem import FSHook
from tradewind.sdk.sensor import BaseSensorOperator
from tradewind.sdk.triggers.base import StartTriggerArgs

_TRIGGER = "airflow.providers.standard.triggers.file.FileTrigger"


class FileSensor(BaseSensorOperator):
    """Waits until a path is a file, or a folder with a file in it.

    Args:
        filepath: The path, below the folder of the connection; may be a glob.
        fs_conn_id: A connection of type ``fs`` whose extra has a ``path``.
        recursive: Let ``**`` in the path stand for folders at any depth.
        deferrable: Give the worker's place back while waiting.
        start_from_trigger: Begin with the trigger, without a process for the task. The connection
            is then read when the Dag file is parsed.
        trigger_kwargs: Accepted; what the trigger is made from follows from the other arguments.

    Example:
        >>> from tradewind import DAG
        >>> with DAG("orders"):
        ...     wait = FileSensor(task_id="arrived", filepath="/data/in/orders_{{ ds }}*.csv")
        >>> wait.fs_conn_id
        'fs_default'
    """

    template_fields: Sequence[str] = ("filepath", "fs_conn_id")
    ui_color = "#eef4e2"
    start_trigger_args = StartTriggerArgs(
        trigger_cls=_TRIGGER, trigger_kwargs={}, next_method="execute_complete"
    )

    def __init__(
        self,
        *,
        filepath: str,
        fs_conn_id: str = "fs_default",
        recursive: bool = False,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filepath = filepath
        self.fs_conn_id = fs_conn_id
        self.recursive = recursive
        self.deferrable = is_deferrable(deferrable) or start_from_trigger
        self.start_from_trigger = start_from_trigger
        if start_from_trigger:
            where = os.path.join(FSHook(fs_conn_id).get_path(), filepath)
            self.start_trigger_args = dataclasses.replace(
                type(self).start_trigger_args,
                timeout=timedelta(seconds=self.timeout),
                trigger_kwargs=self._looks_for(where),
            )

    def _looks_for(self, path: str) -> dict[str, Any]:
        return {
            "filepath": path,
            "recursive": self.recursive,
            "poke_interval": self.poke_interval,
        }

    @cached_property
    def path(self) -> str:
        """Answer the whole path, or glob."""
        return os.path.join(FSHook(self.fs_conn_id).get_path(), self.filepath)

    def poke(self, context: Any) -> bool:
        """Look for a file."""
        found = find_file(self.path, recursive=self.recursive)
        if found is not None:
            self.log.info("Found %s", found)
        return found is not None

    def execute(self, context: Any) -> Any:
        """Wait here, or at a trigger.

        Raises:
            TaskDeferred: It waits at a trigger.
            AirflowSensorTimeout: It took too long.
        """
        if not self.deferrable:
            return super().execute(context)
        if not self.poke(context):
            self.defer(
                trigger=Described(_TRIGGER, self._looks_for(self.path)),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )
        return None

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """Go on with what the trigger said.

        Raises:
            AirflowException: It found nothing.
        """
        if not event:
            raise AirflowException(f"Nothing was found at {self.filepath}")
        self.log.info("There is a file at %s", self.filepath)
