"""A simulated retailer, Northwind Living, for trying the tower out.

It ships with the product and knows it only as any estate would: OpenTelemetry over OTLP/HTTP and CloudEvents
over HTTP. It imports nothing of the tower, and the tower starts it as a process of its own.

The *estate* (`estate` and what it imports) is pure: a seed and a clock give the same emissions every time.
The *wires* (`events_out`, `spans_out`, `queues_out`, `runner`) send them.
"""
