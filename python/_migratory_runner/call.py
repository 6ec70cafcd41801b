"""Calls an author's function with as much as it takes: the database, the client, and the context of the run."""
import asyncio
import datetime
import inspect
import types


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


class Context:
    """`ctx`: what a migration gets beside the database."""

    def __init__(self, channel, request):
        self._channel = channel
        self.log = Log(channel)
        self.dry_run = request["dryRun"]
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
