"""Date functions that older Dag files import and newer ones do without."""

from datetime import datetime, timedelta

from tradewind.sdk.clock import utcnow


def days_ago(
    n: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0
) -> datetime:
    """Answer the moment that many days before today's midnight, in UTC."""
    today = utcnow().replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
    return today - timedelta(days=n)
