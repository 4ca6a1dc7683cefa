"""The lineage store: the only place that knows SQL. Functions take a session or connection and return
dataclasses.
"""
