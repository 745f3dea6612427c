"""What a party's web face is made of, whatever it shows: guard, languages, templates, static files.

Used by the portal and by the card service. No JavaScript, nothing loaded from outside, no state of its own.
"""
