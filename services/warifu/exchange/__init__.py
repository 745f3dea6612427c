"""What both ends of an exchange and the gateway must agree on: keys, sealing, permits, answers, records, the directory.

Pure: no sockets, no files but an institution's own keys, no database but the directory's memory.
"""

from pkgutil import extend_path

# The contracts, warifu.exchange.v1, lie under another source root; a wheel has both in one folder.
__path__ = extend_path(__path__, __name__)
