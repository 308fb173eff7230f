"""The only SQL: tables, events, named reads, migrations."""
