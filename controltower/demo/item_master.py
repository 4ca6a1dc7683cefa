"""The page on which people of Northwind Living put right what keeps orders from being booked."""

from __future__ import annotations

from html import escape

from controltower.demo.catalogue import NEW_ARRIVALS
from controltower.demo.causes import Causes

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; }
th, td { text-align: left; padding: .5rem .75rem; border-bottom: 1px solid #8886; }
td:last-child { text-align: right; }
form { margin: 0; }
button { font: inherit; min-height: 2.75rem; padding: 0 1rem; border: 1px solid currentColor;
  border-radius: .4rem; background: transparent; color: inherit; cursor: pointer; }
button.do { background: #1d5c4d; border-color: #1d5c4d; color: #fff; }
button:focus-visible { outline: 3px solid #4a90d9; outline-offset: 2px; }
.code { font-family: ui-monospace, monospace; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Northwind Living item master: missing SKU mappings</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>Northwind Living item master</h1>
<p>This page belongs to the simulated retailer, not to the control tower. Put a cause right here, then replay
the dead letters in the tower. What is undone again keeps new orders from being booked.</p>
<h2>Missing SKU mappings</h2>
<table>
<thead><tr><th scope="col">SKU</th><th scope="col">Article</th><th scope="col">In the ERP</th>
<th scope="col">Do</th></tr></thead>
<tbody>
{articles}
</tbody>
</table>
<h2>Schema of the ERP</h2>
<table>
<thead><tr><th scope="col">Field</th><th scope="col">Takes</th><th scope="col">Do</th></tr></thead>
<tbody>
{schema}
</tbody>
</table>
<h2>Credit holds</h2>
<p>Finance releases every second customer by itself, within two minutes of the start; the others stay on
hold.</p>
</main>
</body>
</html>
"""


def render(causes: Causes) -> str:
    """The page as things stand."""
    articles = "\n".join(_article(causes, product.sku, product.name) for product in NEW_ARRIVALS)
    return _PAGE.format(articles=articles, schema=_schema(causes))


def _article(causes: Causes, sku: str, name: str) -> str:
    is_mapped = causes.is_mapped(sku)
    words = f"Remove {sku}" if is_mapped else f"Map {sku}"
    button = _button("/skus", words, is_mapped, sku=sku)
    state = "mapped" if is_mapped else "missing"
    return (
        f'<tr><th scope="row" class="code">{escape(sku)}</th><td>{escape(name)}</td><td>{state}</td>'
        f"<td>{button}</td></tr>"
    )


def _schema(causes: Causes) -> str:
    is_wide = causes.takes_any_country
    takes = "any country" if is_wide else "ISO 3166 codes alone"
    button = _button("/countries", "Take ISO codes alone" if is_wide else "Take any country", is_wide)
    return (
        f'<tr><th scope="row" class="code">salesOrder.shipTo.country</th><td>{takes}</td>'
        f"<td>{button}</td></tr>"
    )


def _button(action: str, words: str, is_done: bool, **fields: str) -> str:
    hidden = {**fields, "undo": "yes" if is_done else "no"}
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    kind = "" if is_done else ' class="do"'
    return f'<form method="post" action="{action}">{inputs}<button{kind}>{escape(words)}</button></form>'
