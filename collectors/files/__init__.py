"""Facts that come in files."""
