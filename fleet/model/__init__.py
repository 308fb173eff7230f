"""The nouns, and everything that is stored. Frozen, validated by Pydantic; no I/O, no clock."""
