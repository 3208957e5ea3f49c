"""Standard output of whole lines: print writes word by word, and the client's threads print at the same time."""

import sys
import threading
from io import TextIOBase


class WholeLines(TextIOBase):
    """Keeps what a thread writes until its line ends."""

    def __init__(self) -> None:
        self._begun = threading.local()
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        whole, end, begun = (getattr(self._begun, "text", "") + text).rpartition("\n")
        self._begun.text = begun
        if end:
            with self._lock:
                sys.__stdout__.write(whole + end)
                sys.__stdout__.flush()
        return len(text)
