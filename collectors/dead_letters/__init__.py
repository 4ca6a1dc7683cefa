"""Dead letters: messages that a system gave up on, over HTTP and from brokers."""
