"""A revision is written from what the code's tables have and the revisions lack."""

import ast

import pytest
from alembic.operations import ops
from sqlalchemy import Column, Index, MetaData, Table

from tools.revision import main, render
from tradewind.store.columns import Moment


def test_nothing_is_written_where_the_revisions_say_what_the_tables_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main("nothing") == 0
    assert capsys.readouterr().out == "The revisions say what the tables say.\n"


def test_a_revision_names_plain_types_and_has_a_function_for_each_table() -> None:
    table = Table("thing", MetaData(), Column("at", Moment))
    index = Index("ix_thing", table.c.at)
    steps = [
        ops.CreateTableOp.from_table(table),
        ops.ModifyTableOps("thing", [ops.CreateIndexOp.from_index(index)]),
    ]

    text = render(steps, "Things", "0002", "0001")

    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert names == ["upgrade", "_change_thing", "_index_thing"]
    assert "sa.Column('at', sa.BigInteger()" in text
    assert "down_revision = '0001'" in text
