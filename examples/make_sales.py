"""Write a month of the shop's exports into the landing folder.

This made the files committed in ``landing/``; running it again gives the same bytes:

    python examples/make_sales.py
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from include.places import COMMITTED_LANDING
from include.shop import DEFAULT_SEED, write_export


def days_of_month(first: date) -> list[date]:
    """List the days of the month that starts on ``first``."""
    days = (first + timedelta(days=offset) for offset in range(31))
    return [day for day in days if day.month == first.month]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options and write one file for each day of the month."""
    parser = argparse.ArgumentParser(description="Write a month of the example shop's exports.")
    parser.add_argument(
        "--month",
        type=lambda text: date.fromisoformat(f"{text}-01"),
        default=date(2026, 4, 1),
        help="the month, as YYYY-MM (2026-04)",
    )
    parser.add_argument("--folder", type=Path, default=COMMITTED_LANDING)
    parser.add_argument("--seed", default=DEFAULT_SEED)
    options = parser.parse_args(arguments)
    written = [
        write_export(day, options.folder, seed=options.seed) for day in days_of_month(options.month)
    ]
    size = sum(path.stat().st_size for path in written)
    sys.stdout.write(f"Wrote {len(written)} files, {size:,} bytes, to {options.folder}\n")


if __name__ == "__main__":
    main()
