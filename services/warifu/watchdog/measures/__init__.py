"""Guidance and advice (art. 33), recommendation and order (art. 34): recorded with deadline and reply, published; they block nothing."""
