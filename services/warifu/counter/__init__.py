"""The party `counter`: where an institution's clerks work. Each institution has a face, staff and a database of its own.

It calls business systems, interim servers and the supervisor by the certificates of counter terminals, and keeps who did what. About people
it keeps addressee numbers only: no name, no individual number, nothing that came by an exchange.
"""
