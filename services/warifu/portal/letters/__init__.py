"""Letters: a question or objection about one entry of one's own history, to an institution that took part in it or to the supervisor."""
