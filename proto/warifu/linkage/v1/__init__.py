"""Generated contract of warifu.linkage.v1; see the .proto beside this file."""
