"""The supervisor (PPC): witness of the gateway's log, whom misconduct is reported to, keeper of what was found.

It holds the log's last head, its own cosigning key and findings; no code of a person and no name ever reaches it through these faces.
"""

from pkgutil import extend_path

# The contracts, warifu.watchdog.v1, lie under another source root; a wheel has both in one folder.
__path__ = extend_path(__path__, __name__)
