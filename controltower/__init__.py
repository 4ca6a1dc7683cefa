"""The operations control tower: where is this order, what went wrong, whose move is it."""

__version__ = "0.1.0"
