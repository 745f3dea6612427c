"""Acts that need a second person: proposed by one, approved by another, done once, exactly as it was approved."""
