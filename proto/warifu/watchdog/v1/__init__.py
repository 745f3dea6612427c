"""Generated contract of warifu.watchdog.v1; see the .proto beside this file."""
