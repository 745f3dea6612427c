"""Generated contract of warifu.supervision.v1; see the .proto beside this file."""
