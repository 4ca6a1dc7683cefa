"""Connections of kind ``http``: messages are sent as requests; there is nothing to take from them."""

from __future__ import annotations

from collectors.brokers.connections import Kind
from collectors.brokers.http.settings import HttpTable
from collectors.brokers.http.target import HttpConnection

KIND = Kind(HttpTable, HttpConnection)
