"""``health``: whether due work moves."""

from tradewind.cli.client import Api, HttpTransport, connect
from tradewind.cli.output import say
from tradewind.config import read_settings


def health() -> int:
    """Say whether due work moves; exit code 0 only if it does."""
    settings = read_settings()
    transport: HttpTransport | None = connect(settings)
    if transport is None:
        say(f"No Tradewind server runs in {settings.home}. Start one with 'standalone'.")
        return 1
    api = Api(settings, transport, is_served=True)
    try:
        told = api.get("/api/own/health")
    finally:
        transport.close()
    for fault in told["bundle_faults"]:
        say(str(fault))
    if not told["is_moving"]:
        say(str(told["reason"]))
        return 1
    workers = told["workers"]
    print(f"Due work moves: {workers} worker{'' if workers == 1 else 's'} alive.")
    return 0
