"""libmagic, the C library without which neonize can't be imported: the system's, or else the one that comes as a wheel.

To be imported before neonize, which finds it through python-magic, and that looks for a system's library alone; slim
images have none.
"""

try:
    import magic  # noqa: F401
except ImportError:
    import pylibmagic  # noqa: F401  python-magic finds its library from now on
