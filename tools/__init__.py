"""What `make` runs: setting up, building the browser code, finding services for the tests."""
