"""The citizen portal: receives the records that may be shown, keeps them under its own codes, shows them to whom they concern.

One folder a feature (`login`, `history`, `proxies`, `front`), each with `queries` (reads and writes) and `views` (pages and JSON over the same
queries); `app` puts them together; `party` is the process.
"""

from pkgutil import extend_path

# The contracts, warifu.portal.v1, lie under another source root; a wheel has both in one folder.
__path__ = extend_path(__path__, __name__)
