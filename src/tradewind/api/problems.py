"""How refusals look over HTTP: problem details (RFC 9457) beside the field's ``detail``."""

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tradewind.errors import TradewindError

PROBLEM_JSON = "application/problem+json"
_OF_STATUS = {
    400: "bad-request",
    401: "unauthorized",
    404: "no-such-route",
    405: "method-not-allowed",
    422: "invalid-request",
    500: "internal-error",
}


def problem(status: int, code: str, detail: object, hint: str = "", **more: object) -> Response:
    """Answer a refusal: ``detail`` as the field has it, with code, title and hint beside it."""
    body: dict[str, object] = {
        "detail": detail,
        "type": f"docs/reference/errors.md#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "hint": hint,
        **more,
    }
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return Response(msgspec.json.encode(body), status, headers, PROBLEM_JSON)


async def on_refusal(_request: Request, error: Exception) -> Response:
    """Answer an error of our tree with its own status."""
    if not isinstance(error, TradewindError):
        raise error
    return problem(error.status, error.code, str(error), error.hint)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: no such route, no such method, a body that is no JSON."""
    if not isinstance(error, HTTPException):
        raise error
    code = _OF_STATUS.get(error.status_code, "bad-request")
    if error.status_code != HTTPStatus.NOT_FOUND:
        return problem(error.status_code, code, error.detail)
    return no_such_route(request.url.path)


async def on_invalid(_request: Request, error: Exception) -> Response:
    """Answer a request whose parts have the wrong type or shape, one entry a fault."""
    faults: list[dict[str, Any]] = getattr(error, "errors", list)()
    shown = [{k: fault.get(k) for k in ("type", "loc", "msg", "input")} for fault in faults]
    return problem(
        422,
        "invalid-request",
        msgspec.to_builtins(shown, enc_hook=str, str_keys=True),
        _hint(shown),
    )


async def on_failure(_request: Request, _error: Exception) -> Response:
    """Answer a fault of ours in one sentence; the traceback is for the log alone (``people``)."""
    return problem(500, "internal-error", "The server failed on this request; its log says how.")


def no_such_route(path: str) -> Response:
    """Answer for a path that leads nowhere; the field's clients read ``error``."""
    if path.startswith("/api/v1"):
        text = "/api/v1 has been removed: this server speaks /api/v2."
        return problem(404, "no-such-route", text, "Replace /api/v1 by /api/v2.", error=text)
    text = "API route not found" if path.startswith("/api/") else "Not Found"
    return problem(404, "no-such-route", text, error=text)


def _hint(faults: list[dict[str, Any]]) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'] or ())}: {fault['msg']}" for fault in faults
    )
