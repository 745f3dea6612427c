"""What every party process needs, whatever its task: configuration, clock, store, errors, identity, peers, server."""
