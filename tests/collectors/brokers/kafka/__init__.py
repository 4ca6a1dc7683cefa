"""What is particular to Kafka."""
