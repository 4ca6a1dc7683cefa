"""EDI: X12 and EDIFACT interchanges, by HTTP and from a watched folder, through mappings to events."""
