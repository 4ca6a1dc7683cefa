"""What is particular to Amazon SQS."""
