"""Collectors turn bytes from the outside into facts and hand them to services.ingest."""
