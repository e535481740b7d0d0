"""What is reported about proposals: modes, diversity, novelty, and how well known answers were reached."""
