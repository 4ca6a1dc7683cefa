"""OTLP: traces, metrics and logs, over HTTP (protobuf and JSON) and gRPC."""
