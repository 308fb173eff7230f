"""Technicians: who goes where, and what a check-in proves. Pure."""
