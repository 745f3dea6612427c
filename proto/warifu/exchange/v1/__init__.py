"""Generated contract of warifu.exchange.v1; see the .proto beside this file."""
