"""The queue of answers that wait for a clerk: provided by one person, withheld only with a second."""
