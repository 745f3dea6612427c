"""Ordinance uses (独自利用事務, art. 19(9)): filed by an institution, approved here, published; live only then."""
