"""The card counter of a municipality: unlocking, release after a suspension, reissue, revocation."""
