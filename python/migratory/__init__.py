"""Helpers for MongoDB migrations in Python: `batch_update` and a small `MigrationManager`.

Migratory offers this module to every Python migration that it runs; docs/python.md says how to install it elsewhere.
"""
from ._batch import BatchResult, Progress, batch_update
from ._context import Context
from ._lease import MigrationError
from ._manager import AppliedMigration, Migration, MigrationManager

__all__ = [
    "AppliedMigration",
    "BatchResult",
    "Context",
    "Migration",
    "MigrationError",
    "MigrationManager",
    "Progress",
    "batch_update",
]
__version__ = "0.1.0"
