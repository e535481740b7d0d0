"""The programming interface: everything a page can do, under /api/v1."""
