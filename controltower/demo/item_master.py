"""The page on which people of Northwind Living put right what keeps orders from being booked."""

from __future__ import annotations

from html import escape

from controltower.demo.catalogue import NEW_ARRIVALS
from controltower.demo.causes import Causes

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; --line: #8886; --ok: #14653f;
  --missing: #9a3412; --do: #1d5c4d; }
@media (prefers-color-scheme: dark) { :root { --ok: #6fd39f; --missing: #f4a879; } }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
p { margin: 0 0 .5rem; }
ul { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
li { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between;
  padding: .75rem 0; border-bottom: 1px solid var(--line); }
li > div { flex: 1 1 14rem; }
.code { font-family: ui-monospace, monospace; font-weight: 600; overflow-wrap: anywhere; }
.state { font-weight: 600; color: var(--missing); }
.state.done { color: var(--ok); }
form { margin: 0; }
button { font: inherit; min-height: 2.75rem; padding: 0 1rem; border: 1px solid currentColor;
  border-radius: .4rem; background: transparent; color: inherit; cursor: pointer; white-space: nowrap; }
button.do { background: var(--do); border-color: var(--do); color: #fff; }
button:focus-visible { outline: 3px solid #4a90d9; outline-offset: 2px; }
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
the dead letters in the tower. Undo it, and new orders get stuck again.</p>
<h2>Missing SKU mappings</h2>
<ul>
{articles}
</ul>
<h2>Schema of the ERP</h2>
<ul>
{schema}
</ul>
<h2>Credit holds</h2>
<p>Finance releases every second customer by itself, within two minutes of the start. The others stay on hold:
their replays come back.</p>
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
    state = "Mapped to an ERP item" if is_mapped else "No ERP item: its orders get stuck"
    button = _button("/skus", f"Remove {sku}" if is_mapped else f"Map {sku}", is_mapped, sku=sku)
    return _row(sku, name, state, is_mapped, button)


def _schema(causes: Causes) -> str:
    is_wide = causes.takes_any_country
    state = "Takes any country" if is_wide else "Takes ISO 3166 codes alone: orders without one get stuck"
    button = _button("/countries", "Take ISO codes alone" if is_wide else "Take any country", is_wide)
    return _row("salesOrder.shipTo.country", "Where an order goes", state, is_wide, button)


def _row(code: str, name: str, state: str, is_done: bool, button: str) -> str:
    kind = "state done" if is_done else "state"
    return (
        f'<li><div><span class="code">{escape(code)}</span> {escape(name)}<br>'
        f'<span class="{kind}">{escape(state)}</span></div>{button}</li>'
    )


def _button(action: str, words: str, is_done: bool, **fields: str) -> str:
    hidden = {**fields, "undo": "yes" if is_done else "no"}
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    kind = "" if is_done else ' class="do"'
    return f'<form method="post" action="{action}">{inputs}<button{kind}>{escape(words)}</button></form>'
