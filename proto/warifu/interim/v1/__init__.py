"""Generated contract of warifu.interim.v1; see the .proto beside this file."""
