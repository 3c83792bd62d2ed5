"""Write the next schema revision: what brings a migrated database to the tables of the code.

Run as ``python -m tools.revision "what changes"``, read what it wrote, and mend it where data
must move.
"""

import re
import sys
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from tradewind.store.data_tables import metadata
from tradewind.store.database import Database
from tradewind.store.migrations import SCRIPTS, migrate

HEADER = '''"""{message}."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {previous!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
'''


_FALSE = "sa.Boolean(), server_default=sa.false()"


def render(steps: list[Any], message: str, revision: str, previous: str | None) -> str:
    """Write a revision's module: a function for each table and one for its indexes."""
    names, bodies = [], []
    for name, group in _by_name(steps).items():
        body = render_python_code(ops.UpgradeOps(group), render_item=_render_item)
        # SQLite has no booleans and writes their defaults as numbers, which PostgreSQL refuses.
        body = body.replace("sa.Boolean(), server_default=sa.text('0')", _FALSE)
        body = "\n".join(line for line in body.splitlines() if not line.strip().startswith("# "))
        names.append(name)
        bodies.append(f"def {name}() -> None:\n{body.rstrip()}\n")
    calls = "".join(f"    {name}()\n" for name in names)
    head = HEADER.format(message=message, revision=revision, previous=previous)
    return head + calls + "\n\n" + "\n\n".join(bodies)


def main(message: str) -> int:
    """Compare an empty, migrated database with the tables of the code and write what is missing."""
    folder = SCRIPTS / "revisions"
    existing = sorted(folder.glob("r*.py"))
    previous = existing[-1].name[1:5] if existing else None
    revision = f"{int(previous or 0) + 1:04}"
    database = Database(None)
    if existing:
        migrate(database)
    with database.begin() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        found = produce_migrations(context, metadata).upgrade_ops
    database.close()
    if found is None or found.is_empty():
        print("The revisions say what the tables say.")
        return 0
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    path: Path = folder / f"r{revision}_{slug}.py"
    path.write_text(render(list(found.ops), message, revision, previous))
    print(f"{path}: read it, run ./dev fix, and set HEAD = {revision!r} in migrations.py")
    return 0


def _by_name(steps: list[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for step in steps:
        verb = "index" if isinstance(step, ops.ModifyTableOps) else "change"
        groups.setdefault(f"_{verb}_{step.table_name}", []).append(step)
    return groups


def _render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    # A revision must not change when the code does, so it names what our types are made of.
    if kind == "type" and type(item).__module__.startswith("tradewind."):
        return f"sa.{type(item.impl).__name__}()"
    return False


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
