"""Host keys and key bindings."""
