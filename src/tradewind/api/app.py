"""Puts the server's application together, as much of it as is wanted."""

from importlib import import_module
from typing import Any

from starlette.types import ASGIApp

from tradewind.api.gate import Gate
from tradewind.api.services import Services

ROUTERS: dict[str, tuple[str, str]] = {
    "monitor": ("/api/v2", "tradewind.api.public.monitor"),
    "dags": ("/api/v2", "tradewind.api.public.dags"),
    "versions": ("/api/v2", "tradewind.api.public.versions"),
    "sources": ("/api/v2", "tradewind.api.public.sources"),
    "tasks": ("/api/v2", "tradewind.api.public.tasks"),
    "runs": ("/api/v2", "tradewind.api.public.runs"),
    "clears": ("/api/v2", "tradewind.api.public.clears"),
    "run_wait": ("/api/v2", "tradewind.api.public.run_wait"),
    "logs": ("/api/v2", "tradewind.api.public.logs"),
    "xcoms": ("/api/v2", "tradewind.api.public.xcoms"),
    "human_inputs": ("/api/v2", "tradewind.api.public.human_inputs"),
    # Behind logs and xcoms, whose paths would be taken for a map index.
    "instances": ("/api/v2", "tradewind.api.public.instances"),
    # Before assets, one of whose paths would take "events" for an id.
    "asset_events": ("/api/v2", "tradewind.api.public.asset_events"),
    "marks": ("/api/v2", "tradewind.api.public.marks"),
    "assets": ("/api/v2", "tradewind.api.public.assets"),
    "variables": ("/api/v2", "tradewind.api.public.variables"),
    "pools": ("/api/v2", "tradewind.api.public.pools"),
    "connections": ("/api/v2", "tradewind.api.public.connections"),
    "backfills": ("/api/v2", "tradewind.api.public.backfills"),
    "import_errors": ("/api/v2", "tradewind.api.public.import_errors"),
    "bundles": ("/api/own", "tradewind.api.own.bundles"),
    "run_cancels": ("/api/own", "tradewind.api.own.run_cancels"),
    "why": ("/api/own", "tradewind.api.own.why"),
    "promises": ("/api/own", "tradewind.api.own.promises"),
    "next_runs": ("/api/own", "tradewind.api.own.next_runs"),
    "state_stores": ("/api/own", "tradewind.api.own.state_stores"),
    "secrets": ("/api/own", "tradewind.api.own.secrets"),
    "cleaning": ("/api/own", "tradewind.api.own.cleaning"),
    "questions": ("/api/own", "tradewind.api.own.questions"),
    "backfill_dates": ("/api/own", "tradewind.api.own.backfill_dates"),
}
"""Name -> prefix and module of each router; a command without a server mounts those it needs."""

WORK = "work"
"""Name of the workers' calls in ``only``."""


def build_app(services: Services, only: frozenset[str] | None = None) -> Gate:
    """Answer the ASGI application of a server.

    Args:
        services: What the routes stand on.
        only: Names of ``ROUTERS``, or ``WORK``; the rest is neither imported nor mounted. None
            mounts everything.

    Raises:
        KeyError: ``only`` names a router there is not.
    """
    names = {*ROUTERS, WORK} if only is None else set(only)
    work: ASGIApp | None = None
    if WORK in names:
        names.discard(WORK)
        # Late: a command without a server needs one router, and none of the rest.
        work = import_module("tradewind.api.work.routes").WorkApp(services)
    people: ASGIApp | None = None
    if names:
        chosen = [ROUTERS[name] for name in ROUTERS if name in names]
        if unknown := names - ROUTERS.keys():
            raise KeyError(*sorted(unknown))
        people = _people_app(services, chosen)
    return Gate(services.token, services.settings.host, work=work, people=people)


def _people_app(services: Services, chosen: list[tuple[str, str]]) -> ASGIApp:
    make: Any = import_module("tradewind.api.people").make_app
    routers = [(prefix, import_module(module).router) for prefix, module in chosen]
    app: ASGIApp = make(services, routers)
    return app
