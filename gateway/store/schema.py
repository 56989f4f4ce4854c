"""Which schema the store has, and the way up from it.

Owns the migration of an open store, with peewee's own runner on the files in ``migrations/`` (shipped inside the
package). Each file is one transaction and is recorded in the table ``schema_migration``. Must never go down: a store
that knows a migration which this version does not have was written by a newer version, and is refused untouched, as is
a database that holds tables but none of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playhouse.migrations import Runner  # type: ignore[import-untyped]  # peewee's stubs leave playhouse out

from gateway.store.engines import Handle
from gateway.store.errors import StoreMisconfigured, StoreTooNew

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_HISTORY: Final = "schema_migration"


def migrate(handle: Handle, where: str, directory: Path = MIGRATIONS) -> list[str]:
    """Bring the store to this version's schema; return the names of the migrations applied, oldest first.

    ``where`` names the store in errors. Raises StoreTooNew if the store has migrations that ``directory`` has not, and
    StoreMisconfigured if it is not a store of the gateway at all. Either leaves it as it was.
    """
    with handle.dialect.changing_schema(handle.connection):
        return _migrate(handle, where, directory)


def names(directory: Path = MIGRATIONS) -> list[str]:
    """Return the names of this version's migrations, oldest first."""
    return sorted(path.stem for path in directory.glob("[0-9]*.py"))


def _migrate(handle: Handle, where: str, directory: Path) -> list[str]:
    present: Any = handle.database.get_tables()
    if present and _HISTORY not in present:
        raise StoreMisconfigured(f"{where} is a database, but not one of the gateway's; name another file")
    runner = Runner(handle.database, str(directory), table_name=_HISTORY)
    unknown = sorted(migration.name for migration in runner.status() if migration.path is None)
    if unknown:
        raise StoreTooNew(
            f"{where} was written by a newer version of the gateway (it has {', '.join(unknown)}); "
            "start that version, or restore a backup made by this one"
        )
    applied: list[str] = runner.up()
    return applied
