"""The gateway's own worker with one of three stores (BENCHMARK_STORE): plain, sealed, or at home in Postgres."""

import os
from pathlib import Path
from typing import Any

from exponential.gateway import trust, vfs, wire


class Local:
    """A store on this disk alone, in the place of a Keeper."""

    sealed = True

    def __init__(self, opening: wire.Open, *_: Any) -> None:
        self.path = Path(opening.folder) / opening.store
        if self.sealed:
            vfs.mount(self.path, bytes.fromhex(opening.key))

    def attach(self, _gate: Any) -> None:
        pass

    def generation(self) -> int:
        return 0

    def is_durable(self, _generation: int) -> bool:
        return True


def main() -> None:
    trust._prepare(os.environ)
    from exponential.gateway import session_thread, whatsapp, worker

    mode = os.environ["BENCHMARK_STORE"]
    if mode != "home":
        session_thread.Keeper = Local  # type: ignore[attr-defined, assignment]
    if mode == "plain":
        Local.sealed = False
        whatsapp.encrypt_stores = lambda: None
    worker.main()


if __name__ == "__main__":
    main()
