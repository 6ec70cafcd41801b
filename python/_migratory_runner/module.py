"""Runs the text of a migration file as a module that is not `__main__`, and finds the migrations in it."""
import base64
import linecache
import os
import sys
import types

MODULE = "__migration__"


class NoMigration(Exception):
    """The file holds nothing that could be run; the message ends a sentence that begins with its path."""


def load(request):
    """The module, out of the source that the runner has read: the file may be gone by now."""
    file = request["file"]
    source = base64.b64decode(request["source"])
    for folder in (request["root"], os.path.dirname(file)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    # So that tracebacks show lines although they belong to no file, or to another version of it.
    text = source.decode("utf-8", "replace")
    linecache.cache[file] = (len(source), None, text.splitlines(True), file)
    module = types.ModuleType(MODULE)
    module.__file__ = file
    sys.modules[MODULE] = module
    exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    return module


def entries(module):
    """The migrations as dicts, in their order."""
    fields = vars(module)
    if "migrations" in fields:
        found = fields["migrations"]
        if isinstance(found, (types.GeneratorType, map, filter)):
            # It gives them but once.
            found = fields["migrations"] = list(found)
        if not isinstance(found, (list, tuple)):
            raise NoMigration("has `migrations` that is %s, not a list" % kind(found))
        if not found:
            raise NoMigration("has an empty list of migrations")
        for index, entry in enumerate(found):
            if not isinstance(entry, dict):
                raise NoMigration("has %s where the dict of migration %d should be" % (kind(entry), index + 1))
        return list(found)
    if fields.get("up") is None:
        raise NoMigration("has neither a list `migrations` nor a function `up`")
    known = ("up", "down", "validate", "irreversible", "repeatable", "requires", "transaction")
    return [{name: fields[name] for name in known if name in fields}]


FUNCTIONS = ("up", "down", "validate")
VALUES = ("name", "description", "irreversible", "repeatable", "requires", "transaction")


def outline(entry):
    """What the runner has to know of a migration, as plain JSON."""
    told = {}
    for field in VALUES:
        value = entry.get(field)
        if isinstance(value, tuple):
            value = list(value)
        if value is not None:
            told[field] = value if _is_plain(value) else {"type": kind(value)}
    for field in FUNCTIONS:
        value = entry.get(field)
        if value is not None:
            told[field] = True if callable(value) else kind(value)
    return told


def _is_plain(value):
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, (str, bool, int, float))


def kind(value):
    name = type(value).__name__
    article = "an" if name[:1].lower() in "aeiou" else "a"
    return "None" if value is None else "%s %s" % (article, name)
