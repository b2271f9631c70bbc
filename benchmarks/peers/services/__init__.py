"""Services as people write them, beside which ours is timed; each reads the arrays that `serving.py` writes."""
