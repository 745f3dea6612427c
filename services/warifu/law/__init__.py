"""Who may ask whom for what, and why: permission table, institutions, items, impact assessments, and the one decision over them.

`packaged()` reads the shipped data; a party uses `load(folder, root_key)`, which reads only what the root of trust signed.
"""

from warifu.law.askable import Askable, askable
from warifu.law.book import (
    LAW_FILES,
    SIGNATURE_FILE,
    LawBook,
    load,
    packaged,
    packaged_files,
    read_book,
    write,
)
from warifu.law.decide import (
    NOTHING_RULED,
    Ask,
    Condition,
    Decision,
    Deny,
    NearMiss,
    Permit,
    Reason,
    Rulings,
    Stopped,
    decide,
    near_misses,
)
from warifu.law.explain import (
    Refusal,
    citation_text,
    explain_denial,
    explain_row,
    legal_basis,
    unverified,
)
from warifu.law.model import (
    Citation,
    Institution,
    Item,
    LeftOut,
    Operator,
    Origin,
    PiaLevel,
    Purpose,
    Role,
    Row,
    Text,
)
from warifu.law.pia import PiaState, pia_state, required_level
from warifu.law.reading import LawDataError
from warifu.law.signature import LawSignatureError, bytes_to_sign

__all__ = [
    "LAW_FILES",
    "NOTHING_RULED",
    "SIGNATURE_FILE",
    "Ask",
    "Askable",
    "Citation",
    "Condition",
    "Decision",
    "Deny",
    "Institution",
    "Item",
    "LawBook",
    "LawDataError",
    "LawSignatureError",
    "LeftOut",
    "NearMiss",
    "Operator",
    "Origin",
    "Permit",
    "PiaLevel",
    "PiaState",
    "Purpose",
    "Reason",
    "Refusal",
    "Role",
    "Row",
    "Rulings",
    "Stopped",
    "Text",
    "askable",
    "bytes_to_sign",
    "citation_text",
    "decide",
    "explain_denial",
    "explain_row",
    "legal_basis",
    "load",
    "near_misses",
    "packaged",
    "packaged_files",
    "pia_state",
    "read_book",
    "required_level",
    "unverified",
    "write",
]
