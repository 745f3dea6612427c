"""Tools for those who work on warifu itself: `python -m warifu.dev --help`."""
