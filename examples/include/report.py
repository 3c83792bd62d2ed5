"""The sales report as Markdown text."""

from collections.abc import Iterable
from datetime import date

from include.warehouse import Figures, StoreTotal


def render_report(first: date, last: date, figures: Figures, totals: Iterable[StoreTotal]) -> str:
    """Write the report of the days from first to last; the same sales give the same text."""
    days = (last - first).days + 1
    lines = [f"# Sales from {first} to {last}", ""]
    if figures.days == 0:
        lines += ["The warehouse holds no sales of these days yet.", ""]
        return "\n".join(lines)
    lines += [f"{figures.lines} order lines on {figures.days} of {days} days.", ""]
    lines += ["| day | store | pieces | amount |", "|---|---|---:|---:|"]
    lines += [
        f"| {t.sales_date} | {t.store} | {t.quantity} | {money(t.amount_cents)} {t.currency} |"
        for t in totals
    ]
    lines.append("")
    if figures.rejected:
        lines += ["## Rejected rows", ""]
        lines += [f"- {reason}: {count}" for reason, count in figures.rejected.items()]
        lines.append("")
    return "\n".join(lines)


def money(cents: int) -> str:
    """Format an amount of cents.

    Example:
        >>> money(123405)
        '1,234.05'
    """
    return f"{cents // 100:,}.{cents % 100:02d}"
