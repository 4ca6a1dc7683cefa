"""One contract for every broker, and what is particular to each."""
