"""All that client.py imports but the library in Go, which survives no fork: loaded once, where clients are forked."""

import gc
import importlib.util
import sys
import types

import exponential.protocol.libmagic  # noqa: F401  before neonize

# isort: split
import linkpreview  # noqa: F401  it and the next are what neonize.client imports
import PIL.Image  # noqa: F401

spec = importlib.util.find_spec("neonize")
assert spec and spec.submodule_search_locations
package = types.ModuleType("neonize")  # without its __init__, which loads the library
package.__path__ = spec.submodule_search_locations
sys.modules["neonize"] = package

import neonize.builder  # noqa: E402, F401
import neonize.download  # noqa: E402, F401
import neonize.events  # noqa: E402, F401

import exponential.gateway.worker.loopback_trust  # noqa: E402, F401

log = sys.modules["neonize.utils.log"]  # a name of the package's that is a logger, too
log._log_queue.put(None)  # ends the thread that it begins when it is imported, as it is again in each client
log._thread.join()
for name in ("neonize", "neonize.utils", "neonize.utils.log"):
    del sys.modules[name]
gc.freeze()  # what is never collected isn't copied either
