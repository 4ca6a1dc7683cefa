"""The screens and the JSON API: Flask at the edge, one module per screen."""
