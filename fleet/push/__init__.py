"""Stage 4. One terminal, one attempt: a pure conversation, and the SSH transport under it."""
