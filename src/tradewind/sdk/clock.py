"""The machine's clock, for authors who ask what time it is; no decision of the engine reads it."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Answer the present moment, aware, in UTC."""
    return datetime.now(tz=UTC)
