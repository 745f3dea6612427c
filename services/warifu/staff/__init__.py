"""Staff of a party: accounts with passwords, a second factor, sessions. What every staffed face stands on.

Which roles there are and what each may do is the face's own; nothing here knows a party. Times are the machine clock's.
"""
