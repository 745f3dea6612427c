"""Stopping an institution's exchanges: for a recorded breach of art. 28, the law's own ground; or by hand, the simulator's own."""
