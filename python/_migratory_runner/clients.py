"""Clients that an author's code opens by itself: those of the run's own cluster are led through the door.

Every client of pymongo is made by one of its classes, whoever asks for it (Motor, MongoEngine and others do), so it is
there that addresses are changed. Clients to other servers are told to the runner, and refused in a dry run.
"""
import functools
import re
import socket
import warnings
from urllib.parse import parse_qsl, quote, urlencode

import pymongo
from pymongo import uri_parser

DEFAULT_PORT = 27017
LOOPBACK = {"localhost", "127.0.0.1", "::1", "::ffff:127.0.0.1"}
# As in src/wire/address.ts: what concerns the way to the real servers. The door speaks TLS with them.
NOT_FOR_DOOR = re.compile(
    r"^(tls.*|ssl.*|compressors|zlibcompressionlevel|replicaset|directconnection|loadbalanced|srv.*|appname"
    r"|read_?preference|read_?preference_?tags|maxstalenessseconds|localthresholdms|port)$"
)
URI = re.compile(r"^(mongodb(?:\+srv)?)://(?:([^@/]*)@)?([^/?]*)(?:/([^?]*))?(?:\?(.*))?$", re.DOTALL)


class OtherServer(Exception):
    """A client to another server, in a dry run."""


class Door:
    """Where the door of this call is, and what belongs to its cluster."""

    def __init__(self, told, channel, dry_run):
        self.uri = told["uri"]
        self.cluster = set(told["cluster"])
        self._channel = channel
        self._dry_run = dry_run
        parts = URI.match(self.uri)
        self.address = parts.group(3)
        self.token = dict(parse_qsl(parts.group(5) or ""))["appName"]

    def has(self, host, port):
        return self.key(host, port) in self.cluster

    @staticmethod
    def key(host, port):
        if host.startswith("/"):
            return host
        name = host.lower().strip("[]").rstrip(".")
        return "%s:%s" % ("localhost" if name in LOOPBACK else name, port)

    def elsewhere(self, host, port):
        place = host if host.startswith("/") else "%s:%s" % (host, port)
        self._channel.send({"type": "elsewhere", "host": host, "port": 0 if host.startswith("/") else port})
        if self._dry_run:
            raise OtherServer("A client to %s was refused in a dry run." % place)


def own_client(door):
    """The client that the migration is given."""
    with warnings.catch_warnings():
        # Connection strings are often written for other drivers, too.
        warnings.simplefilter("ignore")
        return pymongo.MongoClient(door.uri, serverSelectionTimeoutMS=10_000)


def lead(door):
    """From now on clients of the cluster go through the door."""
    for name in ("MongoClient", "AsyncMongoClient"):
        kind = getattr(pymongo, name, None)
        if kind is not None:
            kind.__init__ = _led(kind.__init__, door)


def delay():
    """Without a door: a client that is only made, and not used, connects to nobody."""
    for name in ("MongoClient", "AsyncMongoClient"):
        kind = getattr(pymongo, name, None)
        if kind is not None:
            kind.__init__ = _delayed(kind.__init__)


def _delayed(init):
    @functools.wraps(init)
    def delayed(self, *args, **kwargs):
        if len(args) < 5:
            kwargs.setdefault("connect", False)
        init(self, *args, **kwargs)

    return delayed


def _led(init, door):
    @functools.wraps(init)
    def led(self, host=None, port=None, *args, **kwargs):
        entities = [host or "localhost"] if host is None or isinstance(host, str) else list(host)
        port = port or DEFAULT_PORT
        seeds, options = _seeds(entities, port, kwargs)
        own = kwargs.get("appname") or kwargs.get("appName") or options.get("appname") or ""
        at_door = [_text(seed) for seed in seeds] == [door.address]
        if at_door and own.startswith(door.token):
            return init(self, host, port, *args, **kwargs)
        outside = [seed for seed in seeds if not door.has(*seed)]
        # The door's bare address is what the client that was given says of its server.
        if outside and not at_door:
            door.elsewhere(*outside[0])
            return init(self, host, port, *args, **kwargs)
        address = _address(entities, door, options)
        kept = {name: value for name, value in kwargs.items() if not NOT_FOR_DOOR.match(name.lower())}
        return init(
            self, address, None, *args, **kept, appname=_app_name(door, own), directConnection=True
        )

    return led


def _app_name(door, own):
    """The token first: the door takes it off. pymongo and servers refuse more than 128 bytes."""
    return ("%s %s" % (door.token, own)).strip().encode()[:128].decode("utf-8", "ignore")


def _text(seed):
    return "%s:%s" % seed


def _seeds(entities, port, kwargs):
    """Whom a client would connect to, and the options of its connection string in lower case."""
    seeds, options = [], {}
    for entity in entities:
        if "://" in entity:
            names = {name.lower(): value for name, value in kwargs.items()}
            service = {"srv_service_name": names["srvservicename"]} if "srvservicename" in names else {}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parsed = uri_parser.parse_uri(entity, port, validate=False, warn=False, **service)
            seeds += parsed["nodelist"]
            options.update({name.lower(): value for name, value in parsed["options"].items()})
        else:
            seeds += uri_parser.split_hosts(entity, port)
    return [(host, number or port) for host, number in seeds], options


def _address(entities, door, options):
    """The author's own connection string, user and options included, with the door as its host."""
    match = next((found for found in map(URI.match, entities) if found), None)
    if match is None:
        return "mongodb://%s/" % door.address
    scheme, user, _, database, query = match.groups()
    kept = [(k, v) for k, v in parse_qsl(query or "", keep_blank_values=True) if not NOT_FOR_DOOR.match(k.lower())]
    names = {name.lower() for name, _ in kept}
    if user and scheme.endswith("+srv") and "authsource" not in names:
        # DNS knows it, or it is the default of such addresses.
        kept.append(("authSource", options.get("authsource") or "admin"))
    return "mongodb://%s%s/%s%s" % (
        user + "@" if user else "",
        door.address,
        database or "",
        "?" + urlencode(kept, quote_via=quote) if kept else "",
    )
