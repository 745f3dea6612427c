"""Generated contract of warifu.numbering.v1; see the .proto beside this file."""
