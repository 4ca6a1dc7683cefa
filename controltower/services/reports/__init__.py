"""Reports over all that one source told: counts, durations, lateness, variants."""
