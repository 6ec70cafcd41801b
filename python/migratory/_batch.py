"""Changing documents one by one in Python, written in batches."""
import logging
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypedDict, Union

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import ReplaceOne, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

logger = logging.getLogger("migratory")

Update = Union[Mapping[str, Any], List[Mapping[str, Any]], None]
_Write = Union[UpdateOne, "ReplaceOne[Any]"]
# With the document as it was read, byte for byte: `fn` may change what it is given.
_Operation = Tuple[RawBSONDocument, _Write]
_ERRORS_LOGGED = 10


class BatchResult(TypedDict):
    """Counts of documents: written, failed, and matched by the filter when the work began."""

    processed: int
    errors: int
    total: int


class Progress(BatchResult):
    """The same so far, with the percentage (rounded) of the documents that are through."""

    percentage: int


def batch_update(
    collection: "Collection[Any]",
    filter: Mapping[str, Any],
    fn: Callable[[Dict[str, Any]], Update],
    batch_size: int = 1000,
    *,
    on_progress: Optional[Callable[[Progress], None]] = None,
    on_error: Optional[Callable[[Exception, Dict[str, Any]], None]] = None,
) -> BatchResult:
    """Calls `fn` for each matching document and writes what it gives, `batch_size` documents at a time.

    `fn` gives an update (`{"$set": ...}`), an update pipeline (a list), a whole document with the same `_id` (it
    replaces the old one, unless somebody has changed that meanwhile), or None to leave the document as it is.

    A document for which `fn` or the write fails is counted in `errors` and logged, and the others go on; `on_error` is
    called with the exception and the document, and ends everything by raising. `on_progress` is called after every
    batch. In a run of Migratory the progress is shown by itself.
    """
    if batch_size < 1:
        raise ValueError("batch_size has to be at least 1")
    work = _Work(collection, collection.count_documents(filter), on_progress, on_error)
    raw = collection.codec_options.with_options(document_class=RawBSONDocument)
    source: "Collection[RawBSONDocument]" = collection.with_options(codec_options=raw)
    # In the order of `_id`, which no update changes: no document comes twice.
    with source.find(filter, batch_size=batch_size).sort("_id", 1) as cursor:
        for original in cursor:
            work.add(original, fn)
            if work.held == batch_size:
                work.write()
    work.write()
    return work.result()


class _Work:
    def __init__(
        self,
        collection: "Collection[Any]",
        total: int,
        on_progress: Optional[Callable[[Progress], None]],
        on_error: Optional[Callable[[Exception, Dict[str, Any]], None]],
    ) -> None:
        self._collection = collection
        self._total = total
        self._on_progress = on_progress
        self._on_error = on_error
        self._operations: List[_Operation] = []
        self._processed = 0
        self._errors = 0
        self._seen = 0
        self.held = 0

    def add(self, original: RawBSONDocument, fn: Callable[[Dict[str, Any]], Update]) -> None:
        self.held += 1
        self._seen += 1
        document = self._decoded(original)
        key = document["_id"]
        try:
            update = fn(document)
            if update is not None:
                self._operations.append((original, _operation(key, original, update)))
        except Exception as error:
            self._fail(error, original)

    def write(self) -> None:
        if self.held == 0:
            return
        operations, self._operations, self.held = self._operations, [], 0
        if operations:
            self._execute(operations)
        if self._on_progress:
            percentage = 100 if self._total == 0 else min(100, round(100 * self._seen / self._total))
            self._on_progress({**self.result(), "percentage": percentage})

    def result(self) -> BatchResult:
        return {"processed": self._processed, "errors": self._errors, "total": self._total}

    def _execute(self, operations: List[_Operation]) -> None:
        failed: Dict[int, Exception] = {}
        try:
            matched = self._collection.bulk_write([operation for _, operation in operations], ordered=False).matched_count
        except BulkWriteError as error:
            if error.details.get("writeConcernErrors"):
                raise
            matched = error.details["nMatched"]
            failed = {each["index"]: RuntimeError(each.get("errmsg", "")) for each in error.details["writeErrors"]}
        self._processed += matched
        for index, reason in failed.items():
            self._fail(reason, operations[index][0])
        gone = len(operations) - matched - len(failed)
        if gone > 0:
            self._errors += gone
            logger.error("%d documents were changed or deleted by somebody else meanwhile, and left alone", gone)

    def _decoded(self, document: RawBSONDocument) -> Dict[str, Any]:
        decoded: Dict[str, Any] = bson.decode(document.raw, self._collection.codec_options)
        return decoded

    def _fail(self, error: Exception, original: RawBSONDocument) -> None:
        self._errors += 1
        document = self._decoded(original)
        if self._on_error:
            self._on_error(error, document)
        elif self._errors <= _ERRORS_LOGGED:
            logger.error("%r: %s: %s", document.get("_id"), type(error).__name__, error)
        elif self._errors == _ERRORS_LOGGED + 1:
            logger.error("more documents fail; they are counted")


def _operation(key: Any, original: RawBSONDocument, update: Any) -> _Write:
    if isinstance(update, list):
        return UpdateOne({"_id": key}, update)
    if not isinstance(update, Mapping):
        raise TypeError("fn has to give an update, a document or None, not %s" % type(update).__name__)
    if update and all(str(name).startswith("$") for name in update):
        return UpdateOne({"_id": key}, update)
    if "_id" not in update:
        raise ValueError("fn gave neither an update with operators nor a document with its _id")
    if update["_id"] != key:
        raise ValueError("fn gave a document with another _id")
    unchanged = {"_id": key, "$expr": {"$eq": ["$$ROOT", {"$literal": original}]}}
    return ReplaceOne(unchanged, update)
