"""The citizen's own card, as far as the portal knows it: its certificates, and what becomes of them."""
