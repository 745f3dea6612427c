"""Generated contract of warifu.portal.v1; see the .proto beside this file."""
