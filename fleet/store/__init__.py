"""The only SQL: tables, events, named reads, migrations.

Open a store with `open_store`; then `with store.read() as snapshot` or `with store.write(actor, at) as tx`, and hand that to the
functions of the modules here (`fleets`, `releases`, `rollouts`, `progress`, `shards`, `crew`, `trust`, `reads`, `audit`,
`orchestrator`), each named for what it gives.
"""

from fleet.store.database import Snapshot, Store, Tx, open_store

__all__ = ["Snapshot", "Store", "Tx", "open_store"]
