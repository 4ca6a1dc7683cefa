"""Brokers and endpoints: one module for each kind, all behind collectors.brokers.protocol."""
