"""What the third parameter of `up` and `down` is, for type checkers and editors; Migratory itself makes it."""
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Protocol

from pymongo.client_session import ClientSession

from ._batch import BatchResult


class Log(Protocol):
    """The log of the run."""

    def info(self, message: object, *details: object) -> None: ...

    def warn(self, message: object, *details: object) -> None: ...

    def error(self, message: object, *details: object) -> None: ...


class Run(Protocol):
    id: str
    started_at: datetime


class Context(Protocol):
    """`def up(db: Database, client: MongoClient, ctx: Context)`. Options are those of JavaScript, in snake case."""

    log: Log
    dry_run: bool
    args: Dict[str, Any]
    run: Run
    session: Optional[ClientSession]
    """Only with `transaction`."""

    def progress(self, done: int, total: Optional[int] = None) -> None:
        """Reports progress of work that does not show in commands."""
        ...

    def batch(
        self, collection: str, filter: Mapping[str, Any], pipeline: List[Mapping[str, Any]], **options: Any
    ) -> BatchResult:
        """Changes documents by an update pipeline, in resumable batches that are journaled first."""
        ...

    def convert(self, collection: str, fields: Mapping[str, str], **options: Any) -> BatchResult:
        """Converts fields to other BSON types, exactly: `{"placedAt": "date", "lines.price": "decimal"}`."""
        ...

    def extract(self, collection: str, array_field: str, *, into: str, **options: Any) -> BatchResult:
        """Makes documents of their own out of the sub-documents of an array. Counts parents."""
        ...

    def embed(self, collection: str, array_field: str, **options: Any) -> BatchResult:
        """The reverse of `extract`."""
        ...
