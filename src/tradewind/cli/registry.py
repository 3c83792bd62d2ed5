"""Every command, and the module its function lives in: nothing is imported before it is asked for.

``Command.target`` is ``module:function``. Help above the level of one command is printed from this
table, so that neither it nor a mistyped name costs an import.
"""

import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Command(NamedTuple):
    """One command: where its function is, and what it does in one line."""

    target: str
    summary: str


COMMANDS: dict[str, Command] = {
    "dags list": Command("tradewind.cli.dags:list_dags", "List all Dags."),
    "dags versions": Command("tradewind.cli.bundles:versions", "List the versions of a Dag."),
    "dags source": Command("tradewind.cli.bundles:source", "Print the file of a Dag."),
    "bundles list": Command(
        "tradewind.cli.bundles:list_bundles", "List bundles: where Dag files come from."
    ),
    "dags details": Command("tradewind.cli.dags:details", "Show everything about a Dag."),
    "dags pause": Command("tradewind.cli.dags:pause", "Pause a Dag: nothing new is started."),
    "dags unpause": Command("tradewind.cli.dags:unpause", "Let a paused Dag go on."),
    "dags delete": Command("tradewind.cli.dags:delete", "Delete a Dag's runs and history."),
    "dags next-execution": Command(
        "tradewind.cli.dags:next_execution", "Show when a Dag is due next."
    ),
    "dags list-import-errors": Command(
        "tradewind.cli.dags:list_import_errors", "List Dag files that cannot be imported."
    ),
    "dags reserialize": Command(
        "tradewind.cli.dags:reserialize", "Parse the Dag files now (without a server)."
    ),
    "dags trigger": Command("tradewind.cli.dag_runs:trigger", "Start a run of a Dag."),
    "dags list-runs": Command("tradewind.cli.dag_runs:list_runs", "List a Dag's runs."),
    "dags state": Command("tradewind.cli.dag_runs:state", "Show the state of one run."),
    "dags clear": Command("tradewind.cli.clears:clear_dag", "Let runs of a Dag run again."),
    "runs mark": Command("tradewind.cli.marks:mark_run", "Set how a run ended."),
    "runs cancel": Command("tradewind.cli.marks:cancel_run", "End a run cleanly."),
    "partitions clear": Command(
        "tradewind.cli.clears:clear_partitions", "Have runs forget their partition."
    ),
    "dags test": Command(
        "tradewind.cli.local_runs:run_dag_here", "Run a Dag here and now, in this process."
    ),
    "dags deadlines": Command(
        "tradewind.cli.promises:deadlines", "List deadlines: when due, and what became of them."
    ),
    "dags callbacks": Command(
        "tradewind.cli.promises:callbacks", "List what a run's callbacks were told."
    ),
    "tasks list": Command("tradewind.cli.tasks:list_tasks", "List a Dag's tasks."),
    "tasks state": Command("tradewind.cli.tasks:state", "Show the state of one task instance."),
    "tasks states-for-dag-run": Command(
        "tradewind.cli.tasks:states_for_dag_run", "List the task instances of one run."
    ),
    "tasks clear": Command("tradewind.cli.clears:clear_tasks", "Let task instances run again."),
    "tasks mark": Command("tradewind.cli.marks:mark_task", "Set how a task ended in a run."),
    "tasks questions": Command("tradewind.cli.questions:questions", "List what tasks ask people."),
    "tasks answer": Command("tradewind.cli.questions:answer", "Answer a task's question."),
    "tasks test": Command(
        "tradewind.cli.local_runs:run_task_here", "Run one task here, without its dependencies."
    ),
    "tasks render": Command(
        "tradewind.cli.local_runs:render_task", "Show a task's templates, filled in."
    ),
    "backfill create": Command(
        "tradewind.cli.backfill:create", "Run a Dag for a range of past dates."
    ),
    "backfill list": Command("tradewind.cli.backfill:list_backfills", "List backfills."),
    "backfill show": Command("tradewind.cli.backfill:show", "Tell how far a backfill is."),
    "backfill pause": Command("tradewind.cli.backfill:pause", "Start no further runs of one."),
    "backfill unpause": Command("tradewind.cli.backfill:unpause", "Let one go on."),
    "backfill cancel": Command("tradewind.cli.backfill:cancel", "End one."),
    "backfill update": Command(
        "tradewind.cli.backfill:update", "Change how many of its runs run at once."
    ),
    "variables list": Command("tradewind.cli.variables:list_variables", "List variables."),
    "variables get": Command("tradewind.cli.variables:get", "Print a variable."),
    "variables set": Command("tradewind.cli.variables:set_variable", "Write a variable."),
    "variables delete": Command("tradewind.cli.variables:delete", "Delete a variable."),
    "connections list": Command("tradewind.cli.connections:list_connections", "List connections."),
    "connections get": Command("tradewind.cli.connections:get", "Show a connection."),
    "connections add": Command("tradewind.cli.connections:add", "Add a connection."),
    "connections delete": Command("tradewind.cli.connections:delete", "Delete a connection."),
    "pools list": Command("tradewind.cli.pools:list_pools", "List pools."),
    "pools get": Command("tradewind.cli.pools:get", "Show a pool."),
    "pools set": Command("tradewind.cli.pools:set_pool", "Add or change a pool."),
    "pools delete": Command("tradewind.cli.pools:delete", "Delete a pool."),
    "assets list": Command("tradewind.cli.assets:list_assets", "List assets."),
    "assets details": Command("tradewind.cli.assets:details", "Show everything about an asset."),
    "assets materialize": Command(
        "tradewind.cli.assets:materialize", "Run the Dag that makes an asset."
    ),
    "assets queued": Command(
        "tradewind.cli.assets:queued", "List changes of assets that wait for others."
    ),
    "partitions list": Command(
        "tradewind.cli.partitions:list_partitions", "List partitions that wait for more."
    ),
    "state-store clean": Command(
        "tradewind.cli.state_store:clean", "Remove values of state stores whose time is over."
    ),
    "db migrate": Command(
        "tradewind.cli.database:migrate", "Bring the database to the newest revision."
    ),
    "db downgrade": Command(
        "tradewind.cli.database:downgrade", "Bring the database back to an older revision."
    ),
    "db reset": Command("tradewind.cli.database:reset", "Delete everything and begin anew."),
    "db check": Command(
        "tradewind.cli.database:check", "Say whether the database is sound and can be used."
    ),
    "db check-migrations": Command(
        "tradewind.cli.database:check_migrations", "Wait until the database is up to date."
    ),
    "db clean": Command("tradewind.cli.cleaning:clean", "Delete runs that ended long ago."),
    "db export-archived": Command(
        "tradewind.cli.cleaning:export_archived", "Write what was cleaned to files."
    ),
    "db drop-archived": Command(
        "tradewind.cli.cleaning:drop_archived", "Delete the copies of what was cleaned."
    ),
    "db shell": Command("tradewind.cli.database:shell", "Open the database in sqlite3."),
    "config list": Command("tradewind.cli.config:list_settings", "List the settings in force."),
    "config get-value": Command("tradewind.cli.config:get_value", "Print one setting."),
    "compat alias": Command(
        "tradewind.cli.compat:alias", "Let this program answer to the name 'airflow' too."
    ),
    "standalone": Command(
        "tradewind.cli.processes:standalone", "Run Tradewind here: a server and a worker."
    ),
    "worker": Command("tradewind.cli.processes:worker", "Run a worker for a running server."),
    "scheduler": Command("tradewind.cli.processes:scheduler", "Run a scheduler (PostgreSQL)."),
    "api-server": Command("tradewind.cli.processes:api_server", "Run an API server (PostgreSQL)."),
    "health": Command("tradewind.cli.health:health", "Say whether due work moves."),
    "why": Command("tradewind.cli.why:why", "Say why a Dag, a run or a task waits."),
    "plugins": Command("tradewind.cli.promises:plugins", "List plugins and what they add."),
    "run": Command("tradewind.cli.local_runs:run_file", "Run a Dag file as a program."),
    "version": Command("tradewind.cli.version:version", "Print the version."),
}

NOUNS: dict[str, str] = {
    "dags": "Dags and their runs",
    "tasks": "Tasks and their states",
    "runs": "Dag runs, marked and cancelled",
    "backfill": "Runs for ranges of past dates",
    "bundles": "Where Dag files come from",
    "assets": "Assets and who uses them",
    "partitions": "Parts of assets, and runs for them",
    "state-store": "State that outlives a try",
    "variables": "Variables",
    "connections": "Connections",
    "pools": "Pools and their slots",
    "db": "The database: its schema, health and size",
    "config": "Settings",
    "compat": "Living beside Airflow's names",
}

PARTS: dict[str, str] = {
    "usage": "tradewind.cli.usage:run_command",
    "local": "tradewind.server.local:open_local",
    "parse": "tradewind.cli.parsing:parse_due_files",
}
"""What is heavy and needed by some commands only."""


def load(target: str) -> Callable[..., Any]:
    """Import the module of a ``module:function`` target and answer the function."""
    module, _, name = target.partition(":")
    with _without_collecting(module):
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def make(target: str, *arguments: Any) -> Any:
    """Load a function and call it, where the call is what imports and makes the most."""
    with _without_collecting(target.partition(":")[0]):
        return load(target)(*arguments)


@contextmanager
def _without_collecting(module: str) -> Iterator[None]:
    """While a module is new, look for no garbage in the block, nor ever in what it made.

    What imports make stays; looking through it again and again is a third of a command's time.
    """
    if module in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
