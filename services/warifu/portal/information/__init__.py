"""A citizen's own information (自己情報): asked for over the network by the portal as requester, kept for days, read, exported."""
