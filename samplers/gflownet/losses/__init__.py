"""Training losses, one pure function a file."""
