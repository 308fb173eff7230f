"""A plan rehearsed: our own code, whole, on simulated terminals and with a clock of its own.

    plan, fleet, release -> a store of its own -> orchestrator on an agenda <-> terminals in memory -> what happened, what never did

- What decides and what is stored is the real code: `rollout.advance`, the reconciler, the shards' steps, SQLite. Simulated are time,
  terminals and the person who answers.
- The same seed gives the same night, to the second. Nothing outside its own directory is touched.
"""
