"""Variables: named texts for user code, encrypted at rest."""

from datetime import datetime
from typing import TypeVarTuple

import msgspec
from sqlalchemy import Select, bindparam, delete, func, insert, select, update

from tradewind.store.closures import touch_readers
from tradewind.store.database import Tx
from tradewind.store.secrets import Vault
from tradewind.store.tables import variable

Ts = TypeVarTuple("Ts")


class VariableFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A variable in clear."""

    key: str
    value: str
    description: str | None = None


_READ = select(variable).where(variable.c.key == bindparam("b_key"))
_UPDATE = (
    update(variable)
    .where(variable.c.key == bindparam("b_key"))
    .values(value=bindparam("b_value"), description=bindparam("b_description"))
)
_DELETE = delete(variable).where(variable.c.key == bindparam("b_key"))
_KEYS = select(variable.c.key).order_by(variable.c.key)
_LIST = select(variable).order_by(variable.c.key)
_COUNT = select(func.count()).select_from(variable)


def read_variable(tx: Tx, vault: Vault, key: str) -> VariableFacts | None:
    """Answer the variable of that key.

    Raises:
        RefusedError: It was encrypted under a key that is not known here.
    """
    row = tx.execute(_READ, {"b_key": key}).one_or_none()
    if row is None:
        return None
    return VariableFacts(key=row.key, value=vault.decrypt(row.value), description=row.description)


def set_variable(tx: Tx, vault: Vault, facts: VariableFacts, now: datetime) -> bool:
    """Write a variable; True when it is new. Dag files that read it are parsed again.

    Without a description, one that is there stays.
    """
    row = tx.execute(_READ, {"b_key": facts.key}).one_or_none()
    token = vault.encrypt(facts.value)
    if row is None:
        tx.execute(
            insert(variable),
            {"key": facts.key, "value": token, "description": facts.description},
        )
        touch_readers(tx, "variable", [facts.key], now)
        return True
    description = row.description if facts.description is None else facts.description
    tx.execute(_UPDATE, {"b_key": facts.key, "b_value": token, "b_description": description})
    # A file that writes a variable it reads, always the same text, must not be parsed for ever.
    if vault.decrypt(row.value) != facts.value:
        touch_readers(tx, "variable", [facts.key], now)
    return False


def delete_variable(tx: Tx, key: str, now: datetime) -> bool:
    """Remove a variable; False where there was none. Dag files that read it are parsed again."""
    gone = tx.execute(_DELETE, {"b_key": key}).rowcount == 1
    if gone:
        touch_readers(tx, "variable", [key], now)
    return gone


def read_variable_keys(tx: Tx, prefix: str | None = None) -> list[str]:
    """Answer the keys stored, in order, those with the prefix if one is given."""
    return list(tx.execute(_with_prefix(_KEYS, prefix)).scalars())


def list_variables(
    tx: Tx, vault: Vault, prefix: str | None = None, limit: int | None = None, offset: int = 0
) -> list[VariableFacts]:
    """Answer variables by key, those with the prefix if one is given.

    Raises:
        RefusedError: One was encrypted under a key that is not known here.
    """
    query = _with_prefix(_LIST, prefix).limit(limit).offset(offset)
    return [
        VariableFacts(key=row.key, value=vault.decrypt(row.value), description=row.description)
        for row in tx.execute(query)
    ]


def count_variables(tx: Tx, prefix: str | None = None) -> int:
    """Answer how many variables there are, with the prefix if one is given."""
    return int(tx.execute(_with_prefix(_COUNT, prefix)).scalar_one())


def _with_prefix(query: Select[*Ts], prefix: str | None) -> Select[*Ts]:
    if not prefix:
        return query
    return query.where(variable.c.key.startswith(prefix, autoescape=True))
