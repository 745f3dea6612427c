"""A seeded, fictional population with seven years of life behind it. docs/POPULATION.md says what it is made of.

``generate`` streams households; ``find`` and ``cast`` find people in them. Nothing here knows an individual number: people
are named by handles, and each has a resident code of the synthetic block.
"""

from warifu.simulator.population.casting import CAST
from warifu.simulator.population.dates import CLOCK_START, HISTORY_FROM, age_on
from warifu.simulator.population.model import (
    Address,
    AssistanceSpell,
    EventKind,
    ForeignResident,
    Household,
    InsuranceSpell,
    JobKind,
    JobSpell,
    LifeEvent,
    LossReason,
    NameSpell,
    Pension,
    Person,
    PersonFamily,
    Reason,
    ResidencySpell,
    ReturnKind,
    Scheme,
    SupportMeasure,
    TaxAssessment,
    TaxClass,
)
from warifu.simulator.population.names import Name, Reading, Sex
from warifu.simulator.population.stream import (
    MAXIMUM_PEOPLE,
    MINIMUM_PEOPLE,
    START,
    Place,
    cast,
    find,
    generate,
    is_trait,
    resident_code_key,
)
from warifu.simulator.population.traits import TRAITS
from warifu.simulator.population.world import Employer, Insurer, Municipality, World, load_world, parse_world

__all__ = [
    "CAST",
    "CLOCK_START",
    "HISTORY_FROM",
    "MAXIMUM_PEOPLE",
    "MINIMUM_PEOPLE",
    "START",
    "TRAITS",
    "Address",
    "AssistanceSpell",
    "Employer",
    "EventKind",
    "ForeignResident",
    "Household",
    "InsuranceSpell",
    "Insurer",
    "JobKind",
    "JobSpell",
    "LifeEvent",
    "LossReason",
    "Municipality",
    "Name",
    "NameSpell",
    "Pension",
    "Person",
    "PersonFamily",
    "Place",
    "Reading",
    "Reason",
    "ResidencySpell",
    "ReturnKind",
    "Scheme",
    "Sex",
    "SupportMeasure",
    "TaxAssessment",
    "TaxClass",
    "World",
    "age_on",
    "cast",
    "find",
    "generate",
    "is_trait",
    "load_world",
    "parse_world",
    "resident_code_key",
]
