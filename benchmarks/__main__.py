"""``./dev bench [NAME...]``: measure, and print each figure beside its target."""

import argparse
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    assets,
    backfills,
    commands,
    history,
    imports,
    latency,
    many_dags,
    many_files,
    memory,
    scale,
    starts,
    ten_years,
    throughput,
    ticks,
    triggers,
    xcom,
)
from benchmarks.figures import Figure, to_markdown, to_text
from benchmarks.machine import describe_machine, read_load
from benchmarks.options import Options

log = logging.getLogger(__name__)

BENCHMARKS: dict[str, Callable[[Options], list[Figure]]] = {
    "throughput": throughput.measure,
    "latency": latency.measure,
    "assets": assets.measure,
    "backfills": backfills.measure,
    "years": ten_years.measure,
    "starts": starts.measure,
    "commands": commands.measure,
    "imports": imports.measure,
    "files": many_files.measure,
    "dags": many_dags.measure,
    "history": history.measure,
    "memory": memory.measure,
    "ticks": ticks.measure,
    "triggers": triggers.measure,
    "xcom": xcom.measure,
    "scale": scale.measure,
}


def main() -> int:
    """Run what was asked for; exit code 1 where a figure misses its target or could not be had."""
    asked = _parse()
    print(f"{describe_machine()}; load average {read_load():.1f}")
    folder = Path(tempfile.mkdtemp(prefix="tradewind-bench-"))
    options = Options(folder=folder, rounds=asked.rounds, history=asked.history, dags=asked.dags)
    figures: list[Figure] = []
    broken: list[str] = []
    for name in asked.names or BENCHMARKS:
        sys.stderr.write(f"-- {name}\n")
        try:
            found = BENCHMARKS[name](options)
        except Exception:
            # One that breaks must not cost the figures of the others.
            log.exception("%s could not be measured", name)
            broken.append(name)
            continue
        figures += found
        sys.stderr.write(f"{to_text(found)}\n")
    print(to_markdown(figures) if asked.markdown else to_text(figures))
    if broken:
        print(f"Not measured: {', '.join(broken)}. What they left is in {folder}.")
    elif not asked.keep:
        shutil.rmtree(folder)
    return 1 if broken or any(figure.passed is False for figure in figures) else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each (default 5)")
    parser.add_argument(
        "--history",
        type=int,
        default=1_000_000,
        metavar="N",
        help="task instances of history (default 1,000,000)",
    )
    parser.add_argument(
        "--dags", type=int, default=10_000, metavar="N", help="Dags at once (default 10,000)"
    )
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--keep", action="store_true", help="leave the homes where they are")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
