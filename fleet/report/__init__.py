"""Counts that tie out: exports for managers, and the words and rows that every view shares."""
