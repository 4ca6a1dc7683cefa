"""What the tower does per second on this machine: `make bench`, explained in docs/performance.md."""
