"""Simulated terminals: real SSH servers, real sh in scratch directories, seeded faults."""
