"""The environment of a child process: what any program needs of this one's, and nothing of whoever runs the tests."""

import os

_NEEDED = ("PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR")


def bare(**settings: str) -> dict[str, str]:
    """For `env=`, with these settings."""
    return {name: os.environ[name] for name in _NEEDED if name in os.environ} | settings
