"""The network's clock on the stage: what time it is there, forward by a day, a month or to a date, and standing still."""
