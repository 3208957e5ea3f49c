"""What imports neonize works on a system without libmagic."""

import subprocess
import sys

import pytest

WITHOUT_LIBMAGIC = """
import ctypes, ctypes.util
of_the_system = ctypes.CDLL.__init__
def load(self, name, *args, **kwargs):
    if name == "libmagic.so.1":
        raise OSError("cannot open shared object file")
    of_the_system(self, name, *args, **kwargs)
ctypes.CDLL.__init__, ctypes.util.find_library = load, lambda name: None
"""


@pytest.mark.parametrize("module", ["exponential.gateway.worker.neonize_client", "exponential.protocol.protobufs"])
def test_the_client_is_imported_without_the_systems_libmagic(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"{WITHOUT_LIBMAGIC}\nimport {module}"], check=True)


def test_neonize_alone_is_not() -> None:
    ended = subprocess.run([sys.executable, "-c", f"{WITHOUT_LIBMAGIC}\nimport neonize"], stderr=subprocess.PIPE)
    assert b"failed to find libmagic" in ended.stderr
