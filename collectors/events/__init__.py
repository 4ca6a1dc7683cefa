"""Events: CloudEvents 1.0 over HTTP, structured, batched, binary and as a stream of lines."""
