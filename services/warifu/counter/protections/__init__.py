"""Protection of a person: not shown, not answered, looked at first. Set and lifted by two people."""
