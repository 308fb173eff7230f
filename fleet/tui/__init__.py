"""`fleet watch`: the coordinators' screen."""
