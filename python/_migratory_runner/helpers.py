"""`ctx.batch`, `ctx.convert`, `ctx.extract`, `ctx.embed`: the runner does their work (src/engine/helpers), with journal,
checkpoints and progress; what comes of it is told here."""
from bson import json_util


class Helpers:
    def __init__(self, channel, client):
        self._channel = channel
        self._json = json_util.CANONICAL_JSON_OPTIONS.with_options(
            uuid_representation=client.codec_options.uuid_representation
        )

    def batch(self, collection, filter, pipeline, **options):
        """Changes documents by an update pipeline. Functions are for `migratory.batch_update`."""
        if not isinstance(pipeline, (list, tuple)):
            raise TypeError(
                "ctx.batch takes an update pipeline (a list) in Python; for functions there is migratory.batch_update"
            )
        return self._ask("batch", options, collection, filter or {}, pipeline)

    def convert(self, collection, fields, **options):
        """Converts fields to other BSON types, exactly."""
        return self._ask("convert", options, collection, fields)

    def extract(self, collection, array_field, **options):
        """Makes documents of their own out of the sub-documents of an array."""
        return self._ask("extract", options, collection, array_field)

    def embed(self, collection, array_field, **options):
        """The reverse of `extract`."""
        return self._ask("embed", options, collection, array_field)

    def _ask(self, name, options, *arguments):
        given = {_camel(option): value for option, value in options.items()}
        return self._channel.ask(name, json_util.dumps([*arguments, given], json_options=self._json))


def _camel(name):
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
