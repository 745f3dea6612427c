"""What an agency's process is built from: the interim servers of all its institutions, each with its own keys and database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from warifu.control.v1 import control_pb2
from warifu.exchange.lawbook import CurrentLaw
from warifu.exchange.logkeys import LogKeys
from warifu.interim import lookup
from warifu.interim.face import Faces, InterimAuditServicer, InterimServicer
from warifu.interim.institution import CHECKS, JOBS, Interim, Pause, merged, open_interim
from warifu.interim.logreader import LogAccess
from warifu.interim.provision import ProvisionServicer
from warifu.interim.supervision import SupervisionServicer
from warifu.interim.v1 import interim_pb2_grpc
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.kernel.opened import Opened
from warifu.kernel.party import Context, Service
from warifu.provision.v1 import provision_pb2_grpc
from warifu.supervision.v1 import supervision_pb2_grpc


class InterimHost:
    """The interim servers of one process. Make it in `build`, put its parts into the `Party`."""

    def __init__(
        self,
        context: Context,
        institutions: Iterable[str] | None = None,
        ids: Ids | None = None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        """For `institutions`, or those of the configuration.

        Raises:
            LinkageError: PROVIDER_TRUST_UNAVAILABLE: no law book that verifies; a provider that cannot check a permit must not start.
            ValueError: a kept key is damaged.
            LogKeyError: the keys of log and witness are not pinned.
        """
        self.law = CurrentLaw(context.trust, Reason.PROVIDER_TRUST_UNAVAILABLE)
        self.law.book()
        self.ids = ids or Ids.of(context.config)
        """Identifiers of the process, to be shared by the business system."""
        codes = tuple(institutions) if institutions is not None else context.config.institutions
        log = LogAccess(LogKeys.load(context.config.folder))
        self._interims = Opened(
            codes, lambda code: open_interim(context, code, self.law, self.ids, log, pause), lazily=context.lazily
        )
        if context.faults is not None:
            context.faults.whom = self._whom
        faces = Faces(self._interims)
        provisions = Opened(codes, lambda code: self._interims[code].provision, lazily=True)
        self.services: Sequence[Service] = (
            Service(
                "warifu.interim.v1.InterimService",
                interim_pb2_grpc.add_InterimServiceServicer_to_server,
                InterimServicer(faces),
            ),
            Service(
                "warifu.interim.v1.InterimAuditService",
                interim_pb2_grpc.add_InterimAuditServiceServicer_to_server,
                InterimAuditServicer(faces),
            ),
            Service(
                "warifu.provision.v1.ProvisionService",
                provision_pb2_grpc.add_ProvisionServiceServicer_to_server,
                ProvisionServicer(provisions),
            ),
            Service(
                "warifu.supervision.v1.InterimSupervisionService",
                supervision_pb2_grpc.add_InterimSupervisionServiceServicer_to_server,
                SupervisionServicer(faces),
            ),
        )

    def _whom(self, institution: str, subject: bytes) -> str | None:
        """The addressee number behind a code, for what is planted about one person."""
        interim = self._interims.get(institution)
        if interim is None:
            return None
        person = interim.ground.store.read(lambda connection: lookup.people(connection, [subject])).get(subject)
        return None if person is None else person.addressee_no

    def interim(self, institution: str) -> Interim:
        """The plain face of one institution, for its business system in this process.

        Raises:
            KeyError: it is not served here.
        """
        return self._interims[institution]

    @property
    def institutions(self) -> tuple[str, ...]:
        """Codes of the institutions served here."""
        return tuple(self._interims)

    @property
    def jobs(self) -> Mapping[str, Callable[[], Awaitable[int]]]:
        """Periodic jobs, each over all institutions at once."""
        return {f"interim-{name}": partial(self._run, name) for name in JOBS}

    @property
    def checks(self) -> Mapping[str, Callable[[], None]]:
        """Health checks of every store and directory entry, and of the law book."""
        checks = {
            f"{code}.interim {name}": partial(self._check, code, name) for code in self._interims for name in CHECKS
        }
        return {"law": self.law.check, **checks}

    def view(self, request_id: str) -> Sequence[control_pb2.Holding]:
        """All that the interim servers here hold and received for one exchange."""
        return [holding for interim in self._interims.values() for holding in interim.view(request_id)]

    async def start(self) -> None:
        """Drop what no key opens any more, then publish the directory entries, so that others can ask from the first moment.

        While the gateway is away the jobs see to the entries. What is opened later lies as it was laid back, together with its keys.
        """
        await merged([interim.jobs["retention"] for interim in self._interims.made.values()])()
        with suppress(LinkageError):
            await merged([interim.jobs["directory"] for interim in self._interims.made.values()])()

    async def close(self) -> None:
        """Close all interim servers."""
        await asyncio.gather(*(interim.close() for interim in self._interims.made.values()))

    async def _run(self, name: str) -> int:
        """A job of every institution, whether it was opened before or not."""
        return await merged([interim.jobs[name] for interim in self._interims.values()])()

    def _check(self, code: str, name: str) -> None:
        """A check of an institution. Of one that nobody opened there is nothing that could be ill."""
        if (interim := self._interims.made.get(code)) is not None:
            interim.checks[name]()
