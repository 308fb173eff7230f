"""Counts that tie out: exports for managers, and the words and rows that every view shares.

- `words` has the words for states, kinds and roles.
- `read_completion` counts a rollout; `completion_table` is its rows for the screen.
- `export_all` writes completion.xlsx, completion.csv and completion.json; docs/export.md says what each number means.
"""
