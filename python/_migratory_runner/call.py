"""Calls an author's function with as much as it takes: the database, the client, and the context of the run."""
import asyncio
import contextlib
import datetime
import inspect
import types

from pymongo import ReadPreference
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from .helpers import Helpers


class Log:
    """The run's log."""

    def __init__(self, channel):
        self._channel = channel

    def info(self, message, *details):
        self._write("info", message, details)

    def warn(self, message, *details):
        self._write("warn", message, details)

    warning = warn

    def error(self, message, *details):
        self._write("error", message, details)

    def _write(self, level, message, details):
        self._channel.log(level, " ".join(str(part) for part in (message, *details)))


class Context(Helpers):
    """`ctx`: what a migration gets beside the database."""

    def __init__(self, channel, request, client):
        super().__init__(channel, client)
        self._channel = channel
        self.log = Log(channel)
        self.dry_run = request["dryRun"]
        self.session = None
        self.args = request["args"]
        started = datetime.datetime.fromisoformat(request["run"]["startedAt"].replace("Z", "+00:00"))
        self.run = types.SimpleNamespace(id=request["run"]["id"], started_at=started)

    def progress(self, done, total=None):
        """Reports progress of work that cannot be seen in what the script sends."""
        self._channel.send({"type": "progress", "done": int(done), "total": None if total is None else int(total)})


def call(function, db, client, ctx):
    """Calls `function(db)`, and hands over `client` and `ctx` too where its signature has room for them."""
    positional, named = arguments(function, db, client, ctx)
    result = function(*positional, **named)
    return asyncio.run(_finish(result)) if inspect.isawaitable(result) else result


def call_in_transaction(function, db, client, ctx):
    """The same in one transaction, once more when the server asks for that (src/engine/oneTransaction.ts)."""

    def work(session):
        ctx.session = session
        # pymongo 4.17 and newer: what is done without the session takes part, too.
        bound = session.bind(end_session=False) if hasattr(session, "bind") else contextlib.nullcontext()
        with bound:
            return call(function, db, client, ctx)

    with client.start_session() as session:
        return session.with_transaction(
            work,
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )


async def _finish(awaitable):
    return await awaitable


def arguments(function, db, client, ctx):
    """By name where a parameter is called `client`, `ctx` or `context`; else the second is the client, the third ctx."""
    by_name = {"client": client, "ctx": ctx, "context": ctx}
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return [db], {}
    taken = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if sum(parameter.default is parameter.empty for parameter in taken) > 3:
        name = getattr(function, "__name__", "the function")
        raise TypeError("%s takes more than (db, client, ctx), and there is no more to give" % name)
    positional = [db]
    for place, parameter in enumerate(taken[1:3]):
        if parameter.name in by_name:
            positional.append(by_name[parameter.name])
        elif parameter.default is parameter.empty:
            positional.append((client, ctx)[place])
        else:
            break
    named = {p.name: by_name[p.name] for p in parameters if p.kind == p.KEYWORD_ONLY and p.name in by_name}
    return positional, named
