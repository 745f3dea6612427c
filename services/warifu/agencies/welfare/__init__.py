"""Child welfare: child allowance, day-care fees and children's medical subsidy. It asks others and provides nobody with anything."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from warifu.agencies.kind import Kind, read_table

__all__ = ["KIND"]

KIND: Final = Kind(read_table(Path(__file__).parent))
