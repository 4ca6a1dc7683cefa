"""The tests; what each folder holds is told in docs/how-to/develop.md."""
