"""Generated contract of warifu.agency.v1; see the .proto beside this file."""
