"""Generated contract of warifu.items.v1; see the .proto beside this file."""
