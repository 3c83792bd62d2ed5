"""Variables."""

from fastapi import APIRouter

from tradewind.api.public.clear import find_variable, no_variable
from tradewind.api.public.fields import (
    Body,
    OrderBy,
    PagingDep,
    ServicesDep,
    Shape,
    UpdateMask,
    check_mask,
    chosen_order,
)
from tradewind.api.public.masks import MASK
from tradewind.core.sensitive import is_sensitive
from tradewind.errors import ConflictError, RefusedError
from tradewind.store import variables
from tradewind.store.database import Tx
from tradewind.store.variables import VariableFacts

router = APIRouter(tags=["Variable"])


class VariableShape(Shape):
    """One variable; its value is hidden where its name tells that it is a secret."""

    key: str
    value: str
    description: str | None
    is_encrypted: bool = True
    team_name: str | None = None


class VariableList(Shape):
    """A page of variables."""

    variables: list[VariableShape]
    total_entries: int


class VariableBody(Body):
    """A variable to be written."""

    key: str
    value: str
    description: str | None = None
    team_name: str | None = None


class VariablePatch(Body):
    """What to change of a variable."""

    key: str | None = None
    value: str | None = None
    description: str | None = None
    team_name: str | None = None


@router.get("/variables")
def get_variables(
    services: ServicesDep,
    page: PagingDep,
    variable_key_pattern: str | None = None,
    order_by: OrderBy = None,
) -> VariableList:
    """List variables by key."""
    order = chosen_order(order_by, {"key": "key", "id": "key"}, ["key"])
    part = (variable_key_pattern or "").lower().strip("%")
    with services.database.read() as tx:
        keys = [key for key in variables.read_variable_keys(tx) if part in key.lower()]
        if order[0].startswith("-"):
            keys.reverse()
        shown = keys[page.offset : page.offset + page.limit]
        return VariableList(
            variables=[_shape(find_variable(tx, services.vault, key)) for key in shown],
            total_entries=len(keys),
        )


@router.post("/variables", status_code=201)
def post_variable(body: VariableBody, services: ServicesDep) -> VariableShape:
    """Make a variable."""
    facts = VariableFacts(key=body.key, value=body.value, description=body.description)
    if not body.key:
        raise RefusedError("bad-variable", "A variable needs a key.")

    def make(tx: Tx) -> None:
        if variables.read_variable(tx, services.vault, body.key) is not None:
            raise ConflictError(
                "variable-exists",
                f"The Variable with key: `{body.key}` already exists",
                "Update or delete it.",
            )
        variables.set_variable(tx, services.vault, facts, services.clock.now())

    services.writer.write(make)
    return _shape(facts)


@router.get("/variables/{variable_key:path}")
def get_variable(variable_key: str, services: ServicesDep) -> VariableShape:
    """Read one variable."""
    with services.database.read() as tx:
        return _shape(find_variable(tx, services.vault, variable_key))


@router.patch("/variables/{variable_key:path}")
def patch_variable(
    variable_key: str, body: VariablePatch, services: ServicesDep, update_mask: UpdateMask = None
) -> VariableShape:
    """Change a variable; what is not sent stays."""
    if body.key not in (None, variable_key):
        raise RefusedError(
            "bad-variable",
            f"The body is about variable '{body.key}', the path about '{variable_key}'.",
        )
    fields = check_mask(update_mask, set(body.model_fields_set))

    def change(tx: Tx) -> VariableFacts:
        old = find_variable(tx, services.vault, variable_key)
        keeps = "value" not in fields or body.value is None
        # A client that read a hidden value and sends it back must not overwrite the secret.
        keeps = keeps or (body.value == MASK and is_sensitive(variable_key))
        facts = VariableFacts(
            key=variable_key,
            value=old.value if keeps or body.value is None else body.value,
            description=body.description if "description" in fields else old.description,
        )
        variables.set_variable(tx, services.vault, facts, services.clock.now())
        return find_variable(tx, services.vault, variable_key)

    return _shape(services.writer.write(change))


@router.delete("/variables/{variable_key:path}", status_code=204)
def delete_variable(variable_key: str, services: ServicesDep) -> None:
    """Delete a variable."""

    def drop(tx: Tx) -> None:
        if not variables.delete_variable(tx, variable_key, services.clock.now()):
            raise no_variable(tx, variable_key)

    services.writer.write(drop)


def _shape(facts: VariableFacts) -> VariableShape:
    hidden = facts.value and is_sensitive(facts.key)
    return VariableShape(
        key=facts.key, value=MASK if hidden else facts.value, description=facts.description
    )
