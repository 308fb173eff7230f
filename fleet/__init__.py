"""The fleet upgrade orchestrator."""
