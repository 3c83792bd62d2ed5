"""Links that an operator adds to its task instances, such as to the job it started elsewhere."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any


class BaseOperatorLink(metaclass=ABCMeta):
    """A link shown beside a task instance: subclass it, and list it in ``operator_extra_links``.

    It is made where the task ran, when the task has ended; what it needs, the task pushes as XCom.
    """

    operators: Sequence[type[Any]] = ()
    """Classes of operators that a plugin adds this link to."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Answer the text of the link."""

    @property
    def xcom_key(self) -> str:
        """Answer the name by which the field's clients know the link."""
        return f"_link_{type(self).__name__}"

    @abstractmethod
    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Answer the address for this operator's try; empty for no link.

        Args:
            operator: The operator that ran.
            ti_key: Which try it was: Dag, task, run, try number, map index.
        """
