"""A measured figure beside its target, and tables of them."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: what was asked for, and what was measured."""

    name: str
    target: str
    measured: str
    passed: bool | None
    """None where there is no target."""
    runs: int
    load: float
    """Load average of the machine before it was measured."""
    note: str = ""
    """Zygotes warm or not, and whatever a reader must know to judge the figure."""

    @property
    def verdict(self) -> str:
        """Pass or miss, in one word; empty without a target."""
        return "" if self.passed is None else "pass" if self.passed else "MISS"


HEADINGS = ("figure", "target", "measured (median)", "", "runs", "load before", "how")


def spread(values: Iterable[float], digits: int = 2, unit: str = "") -> str:
    """Answer the median and the range of some values as people read them.

    Example:
        >>> spread([3.0, 1.0, 2.0], 1, " s")
        '2.0 s (1.0-3.0)'
    """
    known = sorted(values)
    middle = statistics.median(known)
    return f"{middle:.{digits}f}{unit} ({known[0]:.{digits}f}-{known[-1]:.{digits}f})"


def to_text(figures: Sequence[Figure]) -> str:
    """Answer an aligned table."""
    rows = [HEADINGS, *map(_cells, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def to_markdown(figures: Sequence[Figure]) -> str:
    """Answer a Markdown table, ready to be pasted."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *map(_cells, figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        figure.target,
        figure.measured,
        figure.verdict,
        str(figure.runs),
        f"{figure.load:.1f}",
        figure.note,
    )
