"""Names that stand for Airflow's database: they can be imported, and say so when they are used.

Provider packages import them for earlier versions' sake, and never use them in a task of the
present ones.
"""

import functools
from collections.abc import Callable
from typing import Any, NoReturn

from tradewind.sdk.exceptions import AirflowException

_INSTEAD = (
    "a task has no database here; ask context['ti'] (get_dr_count, get_task_states ...) or the API"
)


class _OfDatabase(type):
    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AirflowException(f"{cls.__name__}.{name} is of Airflow's database: {_INSTEAD}")

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise AirflowException(f"{cls.__name__} is of Airflow's database: {_INSTEAD}")


class DagModel(metaclass=_OfDatabase):
    """The table of Dags."""


class DagBag(metaclass=_OfDatabase):
    """The Dags of a folder, as the scheduler has them."""


class SerializedDagModel(metaclass=_OfDatabase):
    """The table of serialised Dags."""


class _NoSession:
    """What stands for "no session given"."""

    def __repr__(self) -> str:
        return "NEW_SESSION"


NEW_SESSION: Any = _NoSession()


def create_session(*args: Any, **kwargs: Any) -> NoReturn:
    """Refuse to open a session.

    Raises:
        AirflowException: Always.
    """
    raise AirflowException(f"create_session() opens Airflow's database: {_INSTEAD}")


def provide_session(func: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a function that refuses to open the session it wants, and takes one that is given."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("session") is None:
            raise AirflowException(f"{func.__name__}() wants Airflow's database: {_INSTEAD}")
        return func(*args, **kwargs)

    return wrapper


def trigger_dag(*args: Any, **kwargs: Any) -> NoReturn:
    """Refuse to write a run.

    Raises:
        AirflowException: Always.
    """
    raise AirflowException(
        "trigger_dag() writes to Airflow's database: use a TriggerDagRunOperator, or the API"
    )
