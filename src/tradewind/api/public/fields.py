"""What the requests of all nouns have in common: services, dates, pages, order."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from starlette.requests import Request

from tradewind.api.services import Services
from tradewind.errors import RefusedError, did_you_mean

DEFAULT_LIMIT = 50
MOST = 100
"""A larger limit is brought down to this, silently: clients page on."""

EVERY = "~"
"""In a path: all Dags, all runs."""


class Shape(BaseModel):
    """A part of a response."""

    model_config = ConfigDict(frozen=True)


class Body(BaseModel):
    """A part of a request; a field it does not know is refused rather than ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]


def _aware(moment: datetime) -> datetime:
    """A date without a zone is UTC, as the people who type ``2026-04-20`` mean it."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _plus(value: Any) -> Any:
    """Give back the ``+`` of an offset that a URL turned into a blank."""
    if isinstance(value, str) and "T" in value and " " in value:
        return value.replace(" ", "+")
    return None if value == "" else value


Moment = Annotated[datetime, AfterValidator(_aware)]
AskedMoment = Annotated[Moment | None, BeforeValidator(_plus), Query()]


class Paging(BaseModel):
    """Which part of a list is wanted."""

    limit: int
    offset: int


def _or_default(default: int) -> BeforeValidator:
    return BeforeValidator(lambda value: default if value in ("", None) else value)


async def _paging(
    limit: Annotated[int, _or_default(DEFAULT_LIMIT), Query(ge=0)] = DEFAULT_LIMIT,
    offset: Annotated[int, _or_default(0), Query(ge=0)] = 0,
) -> Paging:
    return Paging(limit=min(limit, MOST), offset=offset)


PagingDep = Annotated[Paging, Depends(_paging)]
OrderBy = Annotated[
    list[str] | None, Query(description="Field to sort by, '-' before it to turn round.")
]


def chosen_order(
    asked: Sequence[str] | None, names: Mapping[str, str], default: Sequence[str]
) -> list[str]:
    """Answer the store's names for a wished order, each with its ``-``.

    Args:
        asked: As the request has it.
        names: The API's name -> the store's.
        default: The order where none is asked for.

    Raises:
        RefusedError: The list cannot be sorted by that field.
    """
    chosen = []
    for wish in asked or ():
        name = wish.removeprefix("-")
        if not name:
            continue
        if name not in names:
            raise RefusedError(
                "bad-order",
                f"Ordering with '{name}' is disallowed or the attribute does not exist.",
                did_you_mean(name, names) or f"There are {', '.join(sorted(names))}.",
            )
        chosen.append(("-" if wish.startswith("-") else "") + names[name])
    return chosen or list(default)


def check_mask(mask: Sequence[str] | None, fields: set[str]) -> set[str]:
    """Answer which fields of a PATCH body count: those of ``update_mask``, or all that were sent.

    Raises:
        RefusedError: The mask names a field that cannot be changed.
    """
    if not mask:
        return fields
    wanted = {name for part in mask for name in part.split(",") if name}
    if unknown := sorted(wanted - fields):
        raise RefusedError(
            "bad-update-mask",
            f"update_mask names '{unknown[0]}', which the body does not change.",
            did_you_mean(unknown[0], fields),
        )
    return wanted


UpdateMask = Annotated[list[str] | None, Query()]


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Answer a duration in seconds, None while it is not over."""
    return None if start is None or end is None else (end - start).total_seconds()
