"""Declarative mappings: one file says how the words of a source become events."""
