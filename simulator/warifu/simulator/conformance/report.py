"""What a run found, for machines that read JUnit and for people in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from warifu.simulator.conformance.frame import Suite
from warifu.simulator.conformance.requirements import PROVIDER
from warifu.simulator.conformance.run import Result

_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEMPLATES: Final = Path(__file__).parent / "templates"


def junit(results: Sequence[Result[Any]], institution: str, suite: Suite[Any] = PROVIDER) -> str:
    """JUnit XML: a test case a requirement, a failure with what was sent, expected and got."""
    counted = {status: sum(one.status == status for one in results) for status in ("failed", "skipped")}
    root = ET.Element(
        "testsuite",
        name=f"warifu conformance {suite.name} {institution}",
        tests=str(len(results)),
        failures=str(counted["failed"]),
        errors="0",
        skipped=str(counted["skipped"]),
        time=f"{sum(one.seconds for one in results):.3f}",
    )
    for one in results:
        case = ET.SubElement(
            root,
            "testcase",
            classname=f"warifu.conformance.{suite.name}.{one.requirement.name}",
            name=f"{one.requirement.label}: {one.requirement.en}",
            time=f"{one.seconds:.3f}",
        )
        if one.status == "failed":
            message = f"expected {one.expected.en}, got {one.got.en}"
            ET.SubElement(case, "failure", type=one.requirement.numbers[0], message=_clean(message)).text = _clean(
                f"{suite.page}, {one.requirement.section}\nsent:\n{sent(one)}"
            )
        elif one.status == "skipped":
            ET.SubElement(case, "skipped", message=_clean(one.note.en))
        elif one.note.en:
            ET.SubElement(case, "system-out").text = _clean(one.note.en)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def html(
    results: Sequence[Result[Any]], institution: str, address: str, language: str, suite: Suite[Any] = PROVIDER
) -> str:
    """A page of its own, "ja" or "en", that needs nothing else."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def t(ja: str, en: str) -> str:
        return en if language == "en" else ja

    return (
        environment.get_template("report.html").render(
            results=results,
            title=t(*suite.title),
            page=suite.page,
            passed=sum(one.status == "passed" for one in results),
            failed=sum(one.status == "failed" for one in results),
            institution=institution,
            address=address,
            language=language,
            t=t,
            sent=sent,
            words={"passed": t("適合", "passed"), "failed": t("不適合", "failed"), "skipped": t("未実施", "skipped")},
        )
        + "\n"
    )


def sent(result: Result[Any]) -> str:
    """What was sent, as JSON to read."""
    return "\n".join(json.dumps(one, ensure_ascii=False, indent=1) for one in result.sent)


def _clean(text: str) -> str:
    """`text` without what XML 1.0 cannot hold: a party's words may have anything in them."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
