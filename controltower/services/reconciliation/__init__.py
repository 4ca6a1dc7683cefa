"""Comparing two extracts by key: what one side lacks, what differs, what came late.

`declaration` reads the TOML file that says what is compared, `extracts` turns CSV files and stored events
into tables, `comparing` compares them (and touches nothing else), `sides` does both, `running` keeps what
comes out.
"""
