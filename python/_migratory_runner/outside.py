"""What an author's code does outside of the database in a dry run, told for its report (src/engine/outsideCalls.ts)."""
import os
import sys

TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
# https://docs.python.org/3/library/audit_events.html: the argument that says what is changed.
FILES = {
    "os.link": 1,
    "os.mkdir": 0,
    "os.remove": 0,
    "os.rename": 1,
    "os.rmdir": 0,
    "os.symlink": 1,
    "os.truncate": 0,
}
PROGRAMS = {"os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "subprocess.Popen"}
MOST = 100


def watch(channel, door):
    """From now on; hooks of this kind stay until the process ends. `door` is where our own clients connect to."""
    told = set()

    def tell(kind, place):
        if isinstance(place, (str, bytes)) and len(told) < MOST:
            text = os.fsdecode(place)
            if (kind, text) not in told:
                told.add((kind, text))
                channel.send({"type": "outside", "kind": kind, "place": text})

    def hook(event, args):
        if event == "open":
            path, mode, flags = args
            if _writes(mode, flags) and not _is_python_own(path):
                tell("file", path)
        elif event in FILES:
            if not _is_python_own(args[FILES[event]]):
                tell("file", args[FILES[event]])
        elif event == "socket.connect":
            address = args[1]
            place = "%s:%s" % address[:2] if isinstance(address, tuple) else address
            if place != door:
                tell("connection", place)
        elif event in PROGRAMS:
            tell("program", _program(event, args))

    sys.addaudithook(hook)


def _writes(mode, flags):
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & TO_WRITE)


def _is_python_own(path):
    """What Python compiles for itself, and what keeps nothing."""
    text = os.fsdecode(path) if isinstance(path, (str, bytes)) else ""
    return text == os.devnull or "__pycache__" in text


def _program(event, args):
    if event == "subprocess.Popen" and isinstance(args[1], (list, tuple)) and args[1]:
        words = [os.fsdecode(word) for word in args[1] if isinstance(word, (str, bytes, os.PathLike))]
        return words[2] if words[1:2] == ["-c"] and len(words) > 2 else words[0]
    return args[1] if event == "os.spawn" else args[0]
