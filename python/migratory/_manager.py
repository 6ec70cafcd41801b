"""Running migrations from Python alone, over the ledger that Migratory reads and writes too."""
import time
from datetime import datetime, timezone
from typing import Any, Callable, Iterable, List, Mapping, Optional, TypedDict, Union

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from ._lease import Lease, MigrationError

Step = Callable[["Database[Any]"], Any]


class _Named(TypedDict):
    name: str
    up: Step


class Migration(_Named, total=False):
    """A migration: its name, `up(db)`, and `down(db)` or None."""

    down: Optional[Step]
    description: str


class AppliedMigration(str):
    """The name of an applied migration, which knows when and how long."""

    applied_at: Optional[datetime]
    duration_ms: Optional[float]

    def __new__(cls, name: str, applied_at: Optional[datetime], duration_ms: Optional[float]) -> "AppliedMigration":
        self = super().__new__(cls, name)
        self.applied_at = applied_at
        self.duration_ms = duration_ms
        return self


class MigrationManager:
    """Applies migrations and rolls them back, one after the other, and keeps the ledger `_migrations`.

    It takes the same lease as Migratory, so that never two programs migrate one database at once. It keeps no journal:
    what `up` has done when it fails stays done.
    """

    def __init__(self, uri: str, database: str, ledger: str = "_migrations") -> None:
        self.client: "MongoClient[Any]" = MongoClient(uri)
        self.db: "Database[Any]" = self.client[database]
        self._ledger = self.db.get_collection(ledger, write_concern=WriteConcern("majority"))

    def get_applied_migrations(self) -> List[AppliedMigration]:
        """Names in the order of their application, each with `applied_at` (UTC) and `duration_ms`."""
        rows = [row for row in self._ledger.find({}, {"source": 0}) if isinstance(row.get("name"), str)]
        found = [
            AppliedMigration(
                row["name"], row.get("applied_at", row.get("appliedAt")), row.get("duration_ms", row.get("durationMs"))
            )
            for row in rows
        ]
        return sorted(found, key=_order)

    def apply_migration(self, migration: Union[Migration, str], up: Optional[Step] = None) -> bool:
        """Calls `up(db)` and records the migration. Gives False, and calls nothing, where it is applied already.

        Takes a migration, or its name and `up`. Raises what `up` raises; then nothing is recorded.
        """
        name, function = _parts(migration, up, "up")
        if function is None:
            raise MigrationError('"%s" has no up.' % name)
        with Lease(self.db) as lease:
            if self._is_applied(name):
                return False
            started = time.monotonic()
            function(self.db)
            lease.check()
            row = {
                "name": name,
                "applied_at": datetime.now(timezone.utc),
                "duration_ms": round((time.monotonic() - started) * 1000),
            }
            self._ledger.replace_one({"name": name}, row, upsert=True)
        return True

    def rollback_migration(self, migration: Union[Migration, str], down: Optional[Step] = None) -> bool:
        """Calls `down(db)` and takes the migration out of the ledger. Gives False where it is not applied.

        Takes a migration, or its name and `down`. Raises MigrationError where there is no down.
        """
        name, function = _parts(migration, down, "down")
        with Lease(self.db) as lease:
            if not self._is_applied(name):
                return False
            if function is None:
                raise MigrationError('"%s" has no down, so it cannot be rolled back.' % name)
            function(self.db)
            lease.check()
            self._ledger.delete_many({"name": name})
        return True

    def run_all(self, migrations: Iterable[Migration]) -> List[str]:
        """Applies those that are not applied yet, in their order, until one raises. Gives their names."""
        wanted = list(migrations)
        names = [_parts(migration, None, "up")[0] for migration in wanted]
        for name in names:
            if names.count(name) > 1:
                raise MigrationError('Two migrations are called "%s".' % name)
        return [migration["name"] for migration in wanted if self.apply_migration(migration)]

    def close(self) -> None:
        self.client.close()

    def __enter__(self) -> "MigrationManager":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _is_applied(self, name: str) -> bool:
        return self._ledger.find_one({"name": name}, {"_id": 1}) is not None


def _parts(migration: Union[Migration, str], function: Optional[Step], field: str) -> "tuple[str, Optional[Step]]":
    name: Any = migration
    step: Any = function
    if isinstance(migration, Mapping):
        name, step = migration.get("name"), function or migration.get(field)
    if not isinstance(name, str) or not name:
        raise MigrationError("A migration needs a name.")
    if step is not None and not callable(step):
        raise MigrationError('"%s" has a field "%s" that is no function.' % (name, field))
    return name, step


def _order(applied: AppliedMigration) -> float:
    at = applied.applied_at
    if not isinstance(at, datetime):
        return 0.0
    return at.replace(tzinfo=at.tzinfo or timezone.utc).timestamp()
