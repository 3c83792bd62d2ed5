"""Names and versions that many shapes carry, each read once a response."""

from uuid import UUID

from pydantic import Field

from tradewind.api.public.fields import Moment, Shape
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.store import dags
from tradewind.store.dags import VersionFacts
from tradewind.store.database import Tx


class DagVersionShape(Shape):
    """One version of a Dag's structure."""

    id: UUID
    version_number: int
    dag_id: str
    bundle_name: str | None
    bundle_version: str | None
    created_at: Moment
    dag_display_name: str
    bundle_url: str | None = Field(default=None)


class Labels:
    """Display names of Dags and tasks, and Dag versions, remembered for one transaction."""

    def __init__(self, tx: Tx) -> None:
        """Bind the transaction; nothing is read yet."""
        self._tx = tx
        self._dags: dict[str, str] = {}
        self._versions: dict[int, DagVersionShape | None] = {}
        self._tasks: dict[int, dict[str, TaskSpec]] = {}

    def dag(self, dag_id: str) -> str:
        """Answer what people are shown as a Dag's name."""
        if dag_id not in self._dags:
            facts = dags.find_dag(self._tx, dag_id)
            shown = None if facts is None else facts.decode_head().display_name
            self._dags[dag_id] = shown or dag_id
        return self._dags[dag_id]

    def task(self, version_id: int | None, task_id: str) -> str:
        """Answer what people are shown as a task's name."""
        spec = self._specs(version_id).get(task_id)
        return (spec.display_name if spec else None) or task_id

    def version(self, version_id: int | None) -> DagVersionShape | None:
        """Answer a Dag version, None where it was deleted."""
        if version_id is None:
            return None
        if version_id not in self._versions:
            facts = dags.read_version(self._tx, version_id)
            self._versions[version_id] = None if facts is None else self.shape(facts)
        return self._versions[version_id]

    def shape(self, facts: VersionFacts) -> DagVersionShape:
        """Answer a version as the API shows it. Ids are UUIDs there, and only numbers here."""
        return DagVersionShape(
            id=UUID(int=facts.id),
            version_number=facts.number,
            dag_id=facts.dag_id,
            bundle_name=facts.bundle,
            bundle_version=facts.digest or None,
            created_at=facts.created_at,
            dag_display_name=self.dag(facts.dag_id),
        )

    def _specs(self, version_id: int | None) -> dict[str, TaskSpec]:
        if version_id is None:
            return {}
        if version_id not in self._tasks:
            spec: DagSpec = dags.read_spec_of_version(self._tx, version_id)
            self._tasks[version_id] = {task.task_id: task for task in spec.tasks}
        return self._tasks[version_id]
