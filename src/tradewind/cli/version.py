"""``version``: nothing but the number."""

from importlib.metadata import version as version_of


def version() -> None:
    """Print the version of Tradewind."""
    print(version_of("tradewind"))
