"""Letters of citizens: those to the supervisor, with its answers, and those to institutions that are overdue."""
