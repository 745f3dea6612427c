"""What the structure promises (docs/ARCHITECTURE.md §2): each rule with its because."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOTS = ("proto", "services", "gateway", "simulator")
PARTIES = ("numbering", "gateway", "agencies", "portal", "counter")
FAULTS_ENTER = (
    *(
        f"services/warifu/kernel/{module}.py"
        for module in ("fault_calls", "fault_kinds", "faults", "interceptor", "server")
    ),
    *(f"services/warifu/interim/{module}.py" for module in ("host", "mishaps")),
    "gateway/warifu/gateway/mishaps.py",
    "services/warifu/agencies/idle.py",
    "services/warifu/portal/api/faults.py",
)
"""The interceptor of calls, with what is planted and who puts it there; the wrappers of the ports of interim server, gateway and a business system's jobs; and the
interceptor before the portal's pages."""
HEAVY = ("alembic", "sqlalchemy.orm", "pydantic", "rich", "typer")


def sources(*folders: str) -> list[Path]:
    """Hand-written Python files."""
    found = [p for folder in folders for p in (ROOT / folder / "warifu").rglob("*.py")]
    return [p for p in found if "_pb2" not in p.name and "versions" not in p.parts]


@pytest.mark.parametrize("party", PARTIES)
def test_parties_load_neither_alembic_nor_the_orm(party: str) -> None:
    """Building blocks of the command never reach a party's process, because parties must start quickly and stay small."""
    program = f"import json, sys, warifu.{party}.party; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("root", ROOTS)
def test_the_namespace_has_no_init(root: str) -> None:
    """No source root has warifu/__init__.py, because one would hide the other roots."""
    assert not (ROOT / root / "warifu" / "__init__.py").exists()


def test_every_package_ships_its_types() -> None:
    """Each package has py.typed, because PEP 561 wants it there for namespaces."""
    packages = {p for root in ROOTS for p in (ROOT / root / "warifu").iterdir() if (p / "__init__.py").exists()}

    assert sorted(p.name for p in packages if not (p / "py.typed").exists()) == []


def test_types_of_every_module_are_checked() -> None:
    """Mypy is told each root, because of a package that lies in several places it would look at the first alone."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert set(told["files"]) == set(ROOTS) - {"proto"}  # generated; what others use of it is followed
    assert set(told["mypy_path"].split(":")) == set(ROOTS)


def test_modules_are_one_idea() -> None:
    """No module is longer than 600 lines, because then it holds more than one idea."""
    long = {str(p.relative_to(ROOT)): n for p in sources(*ROOTS) if (n := len(p.read_text().splitlines())) > 600}

    assert long == {}


def test_only_clocks_read_the_time() -> None:
    """Parties never call datetime.now or date.today, because law and life go by the network's clock."""
    offenders = []
    for path in sources("services", "gateway"):
        if path.name == "clock.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow"):
                owner = node.value
                if isinstance(owner, ast.Name) and owner.id in ("datetime", "date"):
                    offenders.append(f"{path.relative_to(ROOT)}:{node.lineno}")

    allowed = ("services/warifu/authority/", "services/warifu/kernel/")
    assert [o for o in offenders if not o.startswith(allowed)] == []


def test_no_fault_switches_in_domain_code() -> None:
    """Nothing behind the interceptors asks whether a fault is planted, because faults enter there and nowhere else."""
    offenders = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources("services", "gateway")
        if path.relative_to(ROOT).as_posix() not in FAULTS_ENTER
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.If) and "fault" in ast.unparse(node.test).lower()
    ]

    assert offenders == []
