"""Decisions: what happens to facts, accounts and held bytes; services own the transactions."""
