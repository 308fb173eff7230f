"""Stage 1. Inventory files -> Fleet, and what an import would change."""
