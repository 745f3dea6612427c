"""A further kind of agency: this folder and its table are all of it."""

from pathlib import Path

from warifu.agencies.kind import Kept, Kind, read_table


def _keep(change, case):
    info = change.qualification
    return Kept(info.qualified_on, {"medical_insurance": info}, info.qualified_on, None)


KIND = Kind(read_table(Path(__file__).parent), _keep)
