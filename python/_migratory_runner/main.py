"""One request from the runner: tell what a file holds, or call one function of it."""
import atexit
import os
import signal

from . import module
from .call import Context, call, call_in_transaction
from .channel import Channel, print_to, read_request
from .errors import describe


def main():
    # A Ctrl-C in the terminal is the command line's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel()
    request = read_request(channel)
    # Connection strings come this way, so that no list of processes shows them.
    os.environ.update(request.get("environment", {}))
    finish = print_to(channel)
    try:
        answer = {"type": "result", "value": work(request, channel)}
    except module.NoMigration as problem:
        answer = {"type": "none", "reason": str(problem)}
    except BaseException as error:  # SystemExit too
        answer = {"type": "error", "error": describe(error)}
    # Threads that it left running have nothing to run for any more.
    try:
        atexit._run_exitfuncs()
    except BaseException:
        pass
    finish()
    channel.send(answer)
    os._exit(0)


def work(request, channel):
    from . import clients, outside

    told = request.get("door")
    if told is None:
        clients.delay()
        return [module.outline(entry) for entry in module.entries(module.load(request))]
    door = clients.Door(told, channel, request["dryRun"])
    client = clients.own_client(door) if request["task"] == "call" else None
    clients.lead(door)
    if client is not None and request["dryRun"]:
        outside.watch(channel, door.address)
    entries = module.entries(module.load(request))
    if client is None:
        return [module.outline(entry) for entry in entries]
    function = entries[request["index"]][request["function"]]
    with client:
        how = call_in_transaction if request["transaction"] else call
        value = how(function, client[told["database"]], client, Context(channel, request, client))
    return answer(value) if request["function"] == "validate" else None


def answer(value):
    """What `validate` hands back: nothing, a boolean, or a list of checks."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(item, dict) for item in value):
        return list(value)
    raise TypeError("validate has to return True, False, None or a list of checks, not %s" % module.kind(value))
