"""The few kinds of column that the tables are made of.

Owns the rule that a default stands in the schema (a DDL default) as well as in the model, because hot statements name
only the columns that they fill. Holds nothing about any one table.
"""

from __future__ import annotations

from peewee import SQL, IntegerField, Model, TextField


class Table(Model):
    """What all tables share: index names are made from table names."""

    class Meta:  # noqa: D106 - peewee's own vocabulary
        legacy_table_names = False


def integer(default: int) -> IntegerField:
    """Return an INTEGER column that is ``default`` when a statement does not name it."""
    return IntegerField(default=default, constraints=[SQL(f"DEFAULT {default}")])


def string(default: str = "") -> TextField:
    """Return a TEXT column that is ``default`` when a statement does not name it."""
    return TextField(default=default, constraints=[SQL(f"DEFAULT '{default}'")])


def account() -> IntegerField:
    """Return the ``account_id`` column: 1, the one account."""
    return integer(1)
