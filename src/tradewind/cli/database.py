"""``db migrate | downgrade | reset | check | check-migrations | shell``: the database itself."""

import os
import shutil
import time
from typing import Annotated, NoReturn

import typer

from tradewind.cli.client import connect
from tradewind.cli.options import Yes, confirm
from tradewind.cli.output import say
from tradewind.config import Settings, read_settings
from tradewind.errors import ConflictError, NotFoundError, RefusedError, TradewindError, UsageError
from tradewind.server import upkeep
from tradewind.store.integrity import Examined
from tradewind.store.migrations import HEAD

_POLL_SECONDS = 0.2
_MB = 1_000_000

ToRevision = Annotated[
    str | None,
    typer.Option("--to-revision", "-r", help="The schema's revision.", show_default=False),
]
ShowSql = Annotated[
    bool, typer.Option("--show-sql-only", "-s", help="Print the SQL, and change nothing.")
]


def migrate(to_revision: ToRevision = None, show_sql_only: ShowSql = False) -> None:
    """Bring the database to the newest revision of its schema; a server does so at its start."""
    settings = read_settings()
    if to_revision not in (None, HEAD):
        raise UsageError(
            "unknown-revision",
            f"This version works with revision {HEAD} alone, not with {to_revision}.",
            "'db downgrade' goes back, for an older Tradewind.",
        )
    if show_sql_only:
        _print_sql(upkeep.statements_of(settings, None))
        return
    if _is_served(settings):
        print(f"A server runs here: it brought the database to revision {HEAD} at its start.")
        return
    before, now = upkeep.migrate(settings)
    if before == now:
        print(f"The database is at revision {now}: nothing to do.")
    else:
        print(f"The database went from revision {before or 'none'} to {now}.")


def downgrade(
    to_revision: ToRevision = None, show_sql_only: ShowSql = False, yes: Yes = False
) -> None:
    """Bring the schema back to an older revision, for an older Tradewind to work with.

    What only later revisions have room for is lost.
    """
    settings = read_settings()
    if to_revision is None:
        raise UsageError("bad-usage", "Missing option '--to-revision'.", "It names the revision.")
    if show_sql_only:
        _print_sql(upkeep.statements_of(settings, to_revision))
        return
    confirm(f"Bring {settings.database_path} back to revision {to_revision}?", yes)
    before = upkeep.downgrade(settings, to_revision)
    if before == to_revision:
        print(f"The database is at revision {to_revision}: nothing to do.")
    else:
        print(f"The database went from revision {before} back to {to_revision}.")


def reset(
    skip_init: Annotated[
        bool, typer.Option("--skip-init", "-s", help="Make no new, empty database.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Delete the database and the logs of its runs, and make an empty one."""
    settings = read_settings()
    _refuse_served(settings)
    confirm(f"Delete {settings.database_path} with all runs, logs, variables, connections?", yes)
    upkeep.reset(settings, init=not skip_init)
    print("The database is gone." if skip_init else "The database is empty and new.")


def check(
    retry: Annotated[
        int, typer.Option("--retry", min=0, help="Try again so many times while it fails.")
    ] = 0,
    retry_delay: Annotated[
        int, typer.Option("--retry-delay", min=0, help="Seconds between two tries.")
    ] = 1,
    fast: Annotated[
        bool, typer.Option("--fast", help="Do not read every page of the file.")
    ] = False,
) -> None:
    """Say whether the database can be read and written, is whole, and is of this version."""
    settings = read_settings()
    for _ in range(retry):
        try:
            upkeep.examine(settings, whole=False)
            break
        except TradewindError as error:
            say(f"{error} Trying again in {retry_delay} s.")
            time.sleep(retry_delay)
    found = upkeep.examine(settings, whole=not fast)
    size = f"{found.bytes / _MB:.1f} MB, {found.free_bytes / _MB:.1f} MB of it free for new rows"
    print(f"{settings.database_path} is sound: revision {found.revision}, {size}.")
    if not found.is_current:
        print(f"'db migrate' brings it to revision {HEAD}.")


def check_migrations(
    timeout: Annotated[
        int,
        typer.Option("--migration-wait-timeout", "-t", min=0, help="Seconds to wait for it."),
    ] = 60,
) -> None:
    """Wait until the database is at the newest revision; refuse when it is not in time."""
    settings = read_settings()
    until = time.monotonic() + timeout
    while not (found := _look(settings)) or not found.is_current:
        if time.monotonic() >= until:
            at = f"at revision {found.revision}" if found else "not made yet"
            raise RefusedError(
                "database-older",
                f"The database is {at}, and revision {HEAD} is the newest.",
                "'db migrate' brings it there.",
            )
        time.sleep(_POLL_SECONDS)
    print(f"The database is at revision {found.revision}, the newest.")


def shell() -> NoReturn:
    """Open the database in the sqlite3 program."""
    settings = read_settings()
    upkeep.examine(settings, whole=False)
    program = shutil.which("sqlite3")
    if program is None:
        raise RefusedError(
            "no-sqlite3",
            "There is no program 'sqlite3' on the PATH.",
            f"Install it, or open {settings.database_path} with another one.",
        )
    if _is_served(settings):
        say("A server runs on this database: it cannot write while you keep a transaction open.")
    os.execv(program, [program, str(settings.database_path)])  # noqa: S606


def _look(settings: Settings) -> Examined | None:
    try:
        return upkeep.examine(settings, whole=False)
    except NotFoundError:
        return None


def _is_served(settings: Settings) -> bool:
    served = connect(settings)
    if served is None:
        return False
    served.close()
    return True


def _refuse_served(settings: Settings) -> None:
    if _is_served(settings):
        raise ConflictError(
            "server-runs",
            f"A server runs in {settings.home}.",
            "Stop it first, or set TRADEWIND_HOME to another folder.",
        )


def _print_sql(statements: list[str]) -> None:
    for statement in statements:
        print(f"{statement};\n")
    if not statements:
        print("-- nothing to do")
