"""The joiner: reconciler, dispatcher and workers behind `fleet run`."""
