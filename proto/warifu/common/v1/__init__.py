"""Generated contract of warifu.common.v1; see the .proto beside this file."""
