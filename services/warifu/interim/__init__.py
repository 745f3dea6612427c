"""The interim server (中間サーバー): the linkage half of every agency.

Its business system sees the plain face (`Interim`, or `InterimService` over the network) and speaks addressee numbers alone.
`InterimHost` is what an agency's process is built from.
"""

from pkgutil import extend_path

# The contracts, warifu.interim.v1, lie under another source root; a wheel has both in one folder.
__path__ = extend_path(__path__, __name__)
