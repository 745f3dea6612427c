"""Going through every page of a running network as each of its people: for pictures (`warifu tour`), and for tests that every link works."""
