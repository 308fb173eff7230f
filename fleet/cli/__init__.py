"""The commands. Doors are imported inside functions, so `fleet --help` is instant."""
