"""What learning from failures is compared with, at equal numbers of reward evaluations."""
