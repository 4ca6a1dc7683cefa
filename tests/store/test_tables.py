"""The schema keeps the rules that let it be spread over Citus workers without being redesigned."""

import ast
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql

import controltower.store
from controltower.store.schema import metadata

TABLES = metadata.sorted_tables
DISTRIBUTED = [table for table in TABLES if not table.info.get("reference")]
MERGED = [table for table in TABLES if any("merge" in column.info for column in table.columns)]
_STORE = Path(controltower.store.__file__).parent


def named(tables: list[Table]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("table", tables, ids=lambda table: table.name)


@named(TABLES)
def test_a_table_is_either_distributed_or_replicated(table: Table):
    assert ("distribution_key" in table.info) != bool(table.info.get("reference"))


@named(DISTRIBUTED)
def test_the_primary_key_begins_with_the_distribution_key(table: Table):
    assert [column.name for column in table.primary_key.columns][0] == table.info["distribution_key"]


@named(DISTRIBUTED)
def test_every_unique_constraint_begins_with_the_distribution_key(table: Table):
    unique = [c.columns.keys() for c in table.constraints if isinstance(c, UniqueConstraint)]
    unique += [index.columns.keys() for index in table.indexes if index.unique]
    assert [names for names in unique if names[0] != table.info["distribution_key"]] == []


@named(TABLES)
def test_no_foreign_key_spans_two_distribution_keys(table: Table):
    spanning = [
        constraint
        for constraint in table.constraints
        if isinstance(constraint, ForeignKeyConstraint)
        and not constraint.referred_table.info.get("reference")
        and (
            constraint.referred_table.info["distribution_key"] != table.info.get("distribution_key")
            or table.info["distribution_key"] not in constraint.column_keys
        )
    ]
    assert spanning == []


@named(TABLES)
def test_no_key_comes_from_a_sequence(table: Table):
    dialect = postgresql.dialect()
    keys = [column for column in table.primary_key.columns if _is_numbered(column)]
    assert keys == []
    assert "SERIAL" not in " ".join(str(column.type.compile(dialect)).upper() for column in table.columns)


def _is_numbered(column: Column[object]) -> bool:
    """Whether the database would count it up: SQLAlchemy makes a lone integer key a sequence."""
    return (
        column.identity is not None
        or column.default is not None
        or column.server_default is not None
        or (column.table.autoincrement_column is column)
    )


@named(TABLES)
def test_there_are_only_constraints_that_both_databases_check_alike(table: Table):
    kinds = {PrimaryKeyConstraint, UniqueConstraint, ForeignKeyConstraint, CheckConstraint}
    assert {type(constraint) for constraint in table.constraints} <= kinds
    assert table.primary_key.columns, "a table without a primary key cannot be written twice harmlessly"


@named(MERGED)
def test_a_table_of_figures_says_of_every_figure_how_it_merges(table: Table):
    how = {column.name: column.info.get("merge") for column in table.columns if not column.primary_key}
    assert set(how.values()) <= {"sum", "min", "max"}


@pytest.mark.parametrize("module", sorted(_STORE.glob("*.py")), ids=lambda path: path.name)
def test_no_statement_updates_a_distribution_key(module: Path):
    keys = {(table.name, table.info["distribution_key"]) for table in DISTRIBUTED}
    assert _updated_columns(module) & keys == set()


def test_updates_are_found_in_the_source():
    """The check above is worth nothing if it sees nothing."""
    seen = set().union(*(_updated_columns(module) for module in _STORE.glob("*.py")))
    assert {("identifier", "journey_id"), ("quarantine", "state"), ("token", "revoked_us")} <= seen


def _updated_columns(module: Path) -> set[tuple[str, str]]:
    """(table, column) of each update in a module: `update(table)...values(column=...)`, where every table of
    the module counts for every such column, and `bulk.update(table, "column", ...)`.
    """
    tables: set[str] = set()
    columns: set[str] = set()
    found: set[tuple[str, str]] = set()
    for call in (node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)):
        match call:
            case ast.Call(func=ast.Name(id="update"), args=[table]):
                tables.add(_last_name(table))
            case ast.Call(func=ast.Attribute(attr="values"), keywords=[_, *_]):
                columns.update(keyword.arg or "" for keyword in call.keywords)
            case ast.Call(func=ast.Attribute(attr="update"), args=[table, ast.Constant(str(column)), *_]):
                found.add((_last_name(table), column))
    return found | set(product(tables, columns))


def _last_name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]
