"""The card as health-insurance card: first registration, and the check at a clinic, which lies outside the linkage network."""
