"""Simulated terminals: real SSH servers, real sh in scratch directories, seeded faults.

    terminals, faults -> start_simulation -> one server process -> addresses, fingerprints -> the inventory that reaches them

- One separate process holds every terminal (`server`), so its cost is counted apart from ours, and it ends with the one that started it.
- A terminal is a listening address, a host key of its own, and a scratch directory that is its account's home; commands are run by the real sh.
- The same seed gives the same host keys and the same faults.
"""
