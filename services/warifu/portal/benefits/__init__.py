"""The account into which benefits are paid: one, in the person's own name."""
