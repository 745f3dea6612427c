"""The numbering body (counterpart of the Basic Resident Register network): individual number ↔ resident code ↔ the 4 basic items."""

from pkgutil import extend_path

# The contracts, warifu.numbering.v1, lie under another source root; a wheel has both in one folder.
__path__ = extend_path(__path__, __name__)

from pkgutil import extend_path

# The contracts, warifu.numbering.v1, lie under another source root; a wheel has both in one folder.
__path__ = extend_path(__path__, __name__)
