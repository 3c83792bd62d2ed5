"""The home folder, opened by the one process that may write in it."""

import fcntl
import json
import os
from pathlib import Path
from typing import IO

from tradewind.config import Settings
from tradewind.errors import ConflictError, RefusedError
from tradewind.protocol.clock import Clock
from tradewind.scheduler.engine import Engine
from tradewind.scheduler.policy import LeasePolicy, RunPolicy
from tradewind.store import migrations, pools
from tradewind.store.database import Database, Tx
from tradewind.store.files import ParsePolicy
from tradewind.store.secrets import Vault


class Home:
    """Database, secrets and engine of one home folder, under its lock.

    Attributes:
        database: Open and migrated.
        vault: Opens its secrets.
        engine: Owns its runs.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Take the lock and open everything.

        Raises:
            ConflictError: Another process has the lock.
            RefusedError: The folder cannot be made or written.
        """
        make_home(settings.home)
        self._lock = lock_home(settings.home)
        self.database = Database(settings.database_path, power_safe=settings.durability == "power")
        migrations.migrate(self.database)
        self.vault = Vault(settings.secret_key, settings.home / "secret.key")
        self.engine = Engine(
            self.vault,
            policy=LeasePolicy.of_lease(
                settings.worker_lease_seconds,
                ParsePolicy(
                    timeout_seconds=settings.parse_timeout_seconds,
                    memory_mb=settings.parse_memory_mb,
                    reparse_seconds=settings.reparse_seconds,
                    paused_at_creation=settings.dags_are_paused_at_creation,
                ),
            ),
            log_root=str(settings.log_root),
            rules=RunPolicy(
                conf_overrides_params=settings.conf_overrides_params,
                allowed_run_ids=settings.allowed_run_id_pattern,
                most_failed_runs=settings.max_consecutive_failed_dag_runs,
            ),
            rerun_with_latest_version=settings.rerun_with_latest_version,
        )
        with self.database.begin() as tx:
            self._begin(tx, settings, clock)

    def _begin(self, tx: Tx, settings: Settings, clock: Clock) -> None:
        pools.ensure_default_pool(tx, settings.default_pool_slots)
        self.engine.open(tx, clock.now())

    def close(self) -> None:
        """Close the database and let go of the lock."""
        self.database.close()
        self._lock.close()


def make_home(home: Path) -> None:
    """Make the folder if it is not there.

    Raises:
        RefusedError: It cannot be made or written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "logs").mkdir(exist_ok=True)
    except OSError as error:
        raise RefusedError(
            "home-not-usable",
            f"The home folder {home} cannot be used: {error.strerror}.",
            "Set TRADEWIND_HOME to a folder of yours.",
        ) from error


def lock_home(home: Path) -> IO[str]:
    """Take the lock of the one process that may write here; closing the file lets go of it.

    Raises:
        ConflictError: Another process has it.
    """
    path = home / "tradewind.lock"
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise ConflictError(
            "home-in-use",
            f"Another Tradewind (process {holder}) runs on {home}.",
            "Stop it first, or set TRADEWIND_HOME to another folder.",
        ) from None
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    return file


def write_server_file(settings: Settings, url: str, token: str) -> None:
    """Say where the server is, in a file that only its user can read."""
    path = settings.server_file
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"url": url, "token": token, "pid": os.getpid()}, file)
    fresh.replace(path)
