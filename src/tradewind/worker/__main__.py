"""The worker process: reads the settings and runs a worker on them."""

import argparse
import os
import signal
import sys

from tradewind.config import Settings, read_settings
from tradewind.errors import TradewindError
from tradewind.protocol.lifeline import die_with_parent
from tradewind.worker.main import run_worker
from tradewind.worker.process_log import start_process_log
from tradewind.worker.settings import WorkerConfig


def main() -> int:
    """Run a worker for the server of this home folder until it is told to stop."""
    parser = argparse.ArgumentParser(prog="tradewind.worker")
    parser.add_argument("--parent", type=int, default=0)
    parser.add_argument("--name", default="")
    arguments = parser.parse_args()
    if arguments.parent:
        die_with_parent(arguments.parent, signal.SIGTERM)
    try:
        settings = read_settings()
    except TradewindError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    start_process_log(settings.log_root, "worker")
    if not arguments.parent:
        _announce(settings)
    os.environ["TRADEWIND_HOME"] = str(settings.home)
    return run_worker(
        WorkerConfig(
            home=settings.home,
            token=os.environ.pop("TRADEWIND_WORKER_TOKEN", ""),
            name=arguments.name,
            slots=settings.worker_slots,
            parse_slots=settings.parse_slots,
            queues=tuple(name.strip() for name in settings.queues.split(",") if name.strip()),
            trigger_slots=settings.trigger_slots,
            drain_seconds=settings.drain_seconds,
        )
    )


def _announce(settings: Settings) -> None:
    sys.stdout.write(
        f"A worker for {settings.home} is running, {settings.worker_slots} tasks at once.\n"
        f"  log       {settings.log_root}/worker.log\n"
        "Stop it with Ctrl-C.\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
