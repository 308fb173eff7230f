"""Stage 3. advance(state, facts, decisions, now) -> (state, actions): gates and budgets. Pure."""
