"""Generated contract of warifu.provision.v1; see the .proto beside this file."""
