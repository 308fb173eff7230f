"""`fleet demo`: the sample city upgraded for real, terminals simulated, and its endings held against the planted faults."""
