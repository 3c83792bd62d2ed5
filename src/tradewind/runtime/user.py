"""Running a task as another user of the machine (``run_as_user``).

Its Dag file has been imported by then, as the worker's own user: this guards against mistakes of a
task, not against whoever writes Dag files.
"""

import logging
import os
import pwd
import signal
from collections.abc import Mapping

from tradewind.protocol.lifeline import die_with_parent
from tradewind.protocol.orders import TaskOrder
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import AirflowException

log = logging.getLogger("tradewind.task")


def become_user_of(order: TaskOrder, dags: Mapping[str, DAG]) -> None:
    """Let this process, for good, be of the user that its task asks for, if it asks for one.

    Raises:
        AirflowException: There is no such user, or this process may not become another one.
    """
    dag = dags.get(order.run.dag_id)
    # That a Dag or task is gone is told where it is looked for next.
    task = None if dag is None else dag.task_dict.get(order.task_id)
    name = None if task is None else task.run_as_user
    if not name:
        return
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise AirflowException(
            f"Task '{order.task_id}' is to run as '{name}', but this machine has no such user"
        ) from None
    if os.geteuid() == entry.pw_uid:
        return
    parent = os.getppid()
    try:
        os.initgroups(name, entry.pw_gid)
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    except PermissionError:
        raise AirflowException(
            f"Task '{order.task_id}' is to run as '{name}', but its worker runs as "
            f"'{_own_name()}', and only one that runs as root can change that. Start the worker "
            "as root, or start one as that user for a queue of its own, and name the queue."
        ) from None
    # The kernel forgets it when a process changes its user.
    die_with_parent(parent, signal.SIGKILL)
    os.environ.update(HOME=entry.pw_dir, USER=name, LOGNAME=name)
    if not os.access(os.__file__, os.R_OK):
        log.warning(
            "User '%s' cannot read Python's own library in %s: what is imported from here on is "
            "not found",
            name,
            os.path.dirname(os.__file__),
        )


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
