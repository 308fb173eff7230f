"""Alembic's scripts, oldest first."""
