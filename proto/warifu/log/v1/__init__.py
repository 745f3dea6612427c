"""Generated contract of warifu.log.v1; see the .proto beside this file."""
