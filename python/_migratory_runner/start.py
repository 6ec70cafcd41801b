"""The script that the runner starts: takes its own folder out of the way of the author's modules, then begins."""
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
if sys.path and os.path.abspath(sys.path[0]) == here:
    del sys.path[0]
# Last: what a project has installed by itself (its own `migratory`, too) comes first.
sys.path.append(os.path.dirname(here))

writes_bytecode = sys.dont_write_bytecode
# The folder of an installed program is not ours to write into.
sys.dont_write_bytecode = True
from _migratory_runner.main import main  # noqa: E402
import migratory  # noqa: E402,F401

sys.dont_write_bytecode = writes_bytecode
main()
