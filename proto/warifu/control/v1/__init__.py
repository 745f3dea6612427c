"""Generated contract of warifu.control.v1; see the .proto beside this file."""
