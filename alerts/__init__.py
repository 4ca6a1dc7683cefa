"""Alerts: rules find, incidents remember, routes choose, channels deliver."""
