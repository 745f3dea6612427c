"""The container's files agree with the plan of a network: every web face can be reached from outside, on this machine alone."""

import re

from unit.docs import markdown

from warifu.law import packaged
from warifu.simulator.launcher.plan import STAGE, plan
from warifu.simulator.launcher.ports import DEFAULT_WEB_PORT

COMPOSE = markdown.text(markdown.ROOT / "docker-compose.yml")
DOCKERFILE = markdown.text(markdown.ROOT / "Dockerfile")


def face_ports() -> list[int]:
    """The ports of the web faces of a network on the default port."""
    faces = [STAGE, *(party.web for party in plan(packaged()) if party.web is not None)]
    return sorted(DEFAULT_WEB_PORT + face.rank for face in faces)


def test_every_face_is_published_under_its_own_port():
    """The compose file publishes exactly the faces' ports, the same inside and outside, to this machine only."""
    published = re.findall(r'^ +- "(\S+?):(\d+):(\d+)"', COMPOSE, re.MULTILINE)
    assert [int(inside) for _, _, inside in published] == face_ports()
    assert all(address == "127.0.0.1" and outside == inside for address, outside, inside in published)


def test_the_image_exposes_every_face_and_starts_on_the_first():
    """The image names the same ports, and its command asks for the first of them."""
    (exposed,) = re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)
    assert [int(port) for port in exposed.split()] == face_ports()
    assert f'"--port", "{DEFAULT_WEB_PORT}"' in DOCKERFILE
