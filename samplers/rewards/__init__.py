"""What a campaign maximises: objectives, desirabilities, learned property models, and their combination.

`definition` and `catalogue` need the standard library alone; the rest loads numpy, and RDKit when called.
"""
