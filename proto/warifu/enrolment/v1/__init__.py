"""Generated contract of warifu.enrolment.v1; see the .proto beside this file."""
