"""What is built, step by step."""
