"""`python sealed_writer.py STORE KEY`: transfers between accounts in a sealed store, for ever; killed by test_vfs."""

import random
import sys
from pathlib import Path

from sealed_sqlite import ACCOUNTS, Sqlite

from exponential.gateway import vfs

if __name__ == "__main__":
    vfs.mount(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]))
    store = Sqlite(Path(sys.argv[1]))
    while True:
        source, target = random.sample(range(ACCOUNTS), 2)
        amount = random.randrange(100)
        store.run(
            f"begin; update accounts set money = money - {amount} where id = {source};"
            f"update accounts set money = money + {amount}, note = randomblob(3000) where id = {target}; commit"
        )
        print(flush=True)
