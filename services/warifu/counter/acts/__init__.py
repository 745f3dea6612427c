"""What staff did: written down before it is done."""
