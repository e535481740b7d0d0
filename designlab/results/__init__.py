"""What the laboratory measured of candidates: told by file or on the page, compared with what was predicted."""
