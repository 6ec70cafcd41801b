"""Says as one line of JSON which Python this is and whether it has pymongo. Any Python, also 2.7, has to understand it."""
import json
import os
import sys

if sys.path and os.path.abspath(sys.path[0]) == os.path.dirname(os.path.abspath(__file__)):
    del sys.path[0]

found = {"version": list(sys.version_info[:3]), "executable": sys.executable}
try:
    import pymongo
    from pymongo import MongoClient  # noqa: F401 (a foreign package `bson` shows here)

    found["pymongo"] = pymongo.version
except Exception as error:  # whatever it raises, it cannot be used
    found["problem"] = "%s: %s" % (type(error).__name__, error)
try:
    import sysconfig

    # https://packaging.python.org/en/latest/specifications/externally-managed-environments/
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    found["managed"] = sys.prefix == getattr(sys, "base_prefix", sys.prefix) and os.path.exists(marker)
except Exception:
    found["managed"] = False
sys.stdout.write("\n" + json.dumps(found) + "\n")
