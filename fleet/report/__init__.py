"""Exports, and the row renderers shared by every view."""
