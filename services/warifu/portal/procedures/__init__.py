"""Procedures: found by words, kind or event of life, applied for with a card's signature, followed until they are decided.

An application is sealed for its institution before it is stored, so the portal keeps who applied where for what and how that stands, and
nothing of what was filled in. `catalogue` is what can be applied for here; which inquiries that justifies is the permission table's.
"""
