"""The container's files agree with the plan of a network: every web face can be reached from outside, on this machine alone."""

import re

from unit.docs import markdown

from warifu.law import packaged
from warifu.simulator.launcher.plan import STAGE, plan
from warifu.simulator.launcher.ports import DEFAULT_WEB_PORT
from warifu.simulator.testing.where import FACES

COMPOSE = markdown.text(markdown.ROOT / "docker-compose.yml")
DOCKERFILE = markdown.text(markdown.ROOT / "Dockerfile")


def face_ports() -> list[int]:
    """The ports of the web faces of a network on the default port."""
    faces = [STAGE, *(party.web for party in plan(packaged()) if party.web is not None)]
    return sorted(DEFAULT_WEB_PORT + face.rank for face in faces)


def test_every_face_is_published_under_its_own_port():
    """The compose file publishes exactly the faces' ports, the same inside and outside, to this machine only."""
    published = re.findall(r'^ +- "(\S+?):(\d+):(\d+)"', services()["network"], re.MULTILINE)
    assert [int(inside) for _, _, inside in published] == face_ports()
    assert all(address == "127.0.0.1" and outside == inside for address, outside, inside in published)


def test_the_kit_is_a_container_of_its_own():
    """It shares nothing with the network's containers; what KIT §5 says of its ports is published, the same inside and outside."""
    kit = services()["kit"]
    published = re.findall(r'^ +- "(\S+?):([\d-]+):([\d-]+)"', kit, re.MULTILINE)
    first = int(re.findall(r'--port, "(\d+)"', kit)[0])
    webs = len([party for party in plan(packaged(), bare=True) if party.web is not None])
    assert [inside for _, _, inside in published] == [
        str(first), f"{first + 1}-{first + webs}", f"{first + FACES}-{first + FACES + 9}"
    ]  # fmt: skip
    assert all(address == "127.0.0.1" and outside == inside for address, outside, inside in published)
    assert "<<: *ours" in kit
    assert "volumes" not in kit


def test_the_image_exposes_every_face_and_starts_on_the_first():
    """The image names the same ports, and its command asks for the first of them."""
    (exposed,) = re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)
    assert [int(port) for port in exposed.split()] == face_ports()
    assert f'"--port", "{DEFAULT_WEB_PORT}"' in DOCKERFILE


def test_every_party_has_a_folder_in_the_image_a_volume_and_a_container():
    """None is forgotten when a party is added; a party's container has its own volume and no other, and the gateway has two containers."""
    names = [party.name for party in plan(packaged())]
    assert set(re.findall(r"/state/(\w+)", DOCKERFILE)) == set(names)
    mounted = re.findall(
        r'^    command: \[run, (\w+)(?:, "(\d)")?\]\n    volumes: \["(\w+):/state/(\w+)"\]$', COMPOSE, re.MULTILINE
    )
    assert sorted(mounted) == sorted(
        (name, number, name, name) for name in names for number in (("1", "2") if name == "gateway" else ("",))
    )
    for folder in ("state", "secrets", *names):
        assert re.search(rf"^  {folder}:$", COMPOSE, re.MULTILINE)


def test_no_secret_stands_in_the_compose_file_and_every_container_is_limited():
    """The only password is one that the set-up makes; nothing but PostgreSQL and the set-up can read it."""
    assert re.findall(r"PASSWORD=(.*?);", COMPOSE) == ["$$(cat /secrets/postgres)"]
    holders = [name for name, block in services().items() if "secrets:/secrets" in block]
    assert holders == ["network", "postgres", "setup"]  # the first mounts it to make it theirs, and only sleeps
    for name, block in services().items():
        assert "mem_limit" in block or "<<: *own" in block, name  # *own is *ours, which has one


def test_the_database_server_s_log_quotes_no_value():
    """Without its details an error of PostgreSQL names the constraint, not the key that broke it (`docker compose logs postgres`)."""
    assert "-c log_error_verbosity=terse" in services()["postgres"]


def services() -> dict[str, str]:
    """The text of each service."""
    (block,) = re.findall(r"^services:\n(.*?)^volumes:", COMPOSE, re.MULTILINE | re.DOTALL)
    parts = re.split(r"^  ([\w-]+):(?: .*)?\n", block, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
