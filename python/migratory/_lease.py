"""The lease of Migratory (src/engine/lease.ts): one document, judged on the server's clock, says who may run."""
import hashlib
import os
import socket
import threading
import uuid
from datetime import datetime
from typing import Any, Dict, List, Optional

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern

COLLECTION = "_migratory_lease"
LEASE_MS = 15_000
RENEW_SECONDS = 4.0


class MigrationError(Exception):
    """A migration cannot be applied or rolled back now."""


class Lease:
    """Held inside `with`; raises MigrationError where another living run has it."""

    def __init__(self, db: "Database[Any]") -> None:
        self._db = db
        self._leases: "Collection[Any]" = db.get_collection(COLLECTION, write_concern=WriteConcern("majority"))
        self._owner = str(uuid.uuid4())
        self._epoch: Any = None
        self._stop = threading.Event()
        self._renewal: Optional[threading.Thread] = None

    def __enter__(self) -> "Lease":
        held = self._acquire()
        if held["owner"] != self._owner and _is_dead(held):
            self._leases.update_one(
                {"_id": "lease", "owner": held["owner"], "epoch": held["epoch"]}, [{"$set": {"expiresAt": "$$NOW"}}]
            )
            held = self._acquire()
        if held["owner"] != self._owner:
            raise MigrationError(
                'Another run is at work on database "%s": run %s on %s (process %s).'
                % (self._db.name, held.get("run"), held.get("host"), held.get("pid"))
            )
        self._epoch = held["epoch"]
        self._renewal = threading.Thread(target=self._renew, daemon=True)
        self._renewal.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        if self._renewal:
            self._renewal.join()
        self._leases.update_one(self._own(), [{"$set": {"expiresAt": "$$NOW"}}])

    def check(self) -> None:
        """Raises MigrationError where the lease was taken over meanwhile."""
        if self._leases.find_one({**self._own(), "$expr": {"$gt": ["$expiresAt", "$$NOW"]}}) is None:
            raise MigrationError('The lease of database "%s" was lost to another run.' % self._db.name)

    def _own(self) -> Dict[str, Any]:
        return {"_id": "lease", "owner": self._owner, "epoch": self._epoch}

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            try:
                self._leases.update_one(self._own(), [{"$set": {"expiresAt": {"$add": ["$$NOW", LEASE_MS]}}}])
            except PyMongoError:
                pass  # A passing fault: the next renewal tries again, and `check` has the last word.

    def _acquire(self) -> Dict[str, Any]:
        free = {"$lte": [{"$ifNull": ["$expiresAt", datetime(1970, 1, 1)]}, "$$NOW"]}
        taken: Dict[str, Any] = {
            "owner": {"$literal": self._owner},
            "epoch": {"$add": [{"$ifNull": ["$epoch", 0]}, 1]},
            "run": {"$literal": "python-%s" % self._owner[:8]},
            "host": {"$literal": socket.gethostname()},
            "machine": {"$literal": _machine()},
            "pid": {"$literal": os.getpid()},
            "acquiredAt": "$$NOW",
            "expiresAt": {"$add": ["$$NOW", LEASE_MS]},
        }
        update: List[Dict[str, Any]] = [
            {"$set": {field: {"$cond": [free, value, "$" + field]} for field, value in taken.items()}}
        ]
        for attempt in range(6):
            try:
                held: Any = self._leases.find_one_and_update(
                    {"_id": "lease"}, update, upsert=True, return_document=ReturnDocument.AFTER
                )
                return dict(held)
            except DuplicateKeyError:
                # Two first runners insert the document at once: the loser reads the winner's.
                if attempt == 5:
                    raise
        raise AssertionError("not reached")


def _is_dead(held: Dict[str, Any]) -> bool:
    """True only when the process was on this very machine and is no more."""
    if held.get("machine") != _machine() or os.name != "posix":
        return False
    try:
        os.kill(int(held["pid"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _machine() -> str:
    parts = [socket.gethostname()]
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            parts.append(file.read().strip())
    except OSError:
        pass
    try:
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        pass
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
