"""The FastAPI application that people's programs speak to."""

import logging
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from tradewind.api.problems import on_failure, on_http_error, on_invalid, on_refusal
from tradewind.api.services import Services
from tradewind.errors import TradewindError

LOG = logging.getLogger(__name__)


class People:
    """The application, with its faults in our log instead of the HTTP server's.

    Attributes:
        app: The FastAPI application itself.
    """

    def __init__(self, app: FastAPI) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self.app(scope, receive, send)
        except Exception:
            # The answer is on its way (``on_failure``); the framework raises once more for a log.
            LOG.exception("%s %s failed", scope["method"], scope["path"])


class _Described(FastAPI):
    """Says in its OpenAPI document that the gate asks for a token."""

    def openapi(self) -> dict[str, Any]:
        schema = super().openapi()
        schema.setdefault("components", {})["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"}
        }
        schema["security"] = [{"bearer": []}]
        return schema


def make_app(services: Services, routers: Iterable[tuple[str, APIRouter]]) -> People:
    """Mount routers under their prefixes, with our answers to whatever goes wrong."""
    app = _Described(
        title="Tradewind",
        summary="Data pipelines: the field's API under /api/v2, our own under /api/own.",
        version=version("tradewind"),
        generate_unique_id_function=_operation_id,
        # The gate takes a trailing slash off; a redirect would lose the token on some clients.
        redirect_slashes=False,
        swagger_ui_oauth2_redirect_url=None,
        exception_handlers={
            TradewindError: on_refusal,
            HTTPException: on_http_error,
            RequestValidationError: on_invalid,
            Exception: on_failure,
        },
    )
    app.state.services = services
    app.add_api_route("/", greet, include_in_schema=False)
    for prefix, router in routers:
        app.include_router(router, prefix=prefix)
    return People(app)


def greet() -> dict[str, str]:
    """Tell whoever opens the printed URL what answers there, and where to go on."""
    return {
        "server": f"tradewind/{version('tradewind')}",
        "health": "/api/v2/monitor/health",
        "api": "/api/v2",
        "docs": "/docs",
    }


def _operation_id(route: APIRoute) -> str:
    return route.name
