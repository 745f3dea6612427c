"""What came by the citizen portal's post, as a desk sees it: applications, and letters with their answers."""

from __future__ import annotations

from sqlalchemy import Connection

from warifu.agencies.cases.ports import Ground, who
from warifu.agencies.post import applications, letters
from warifu.agency.v1 import cases_pb2 as pb
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import timestamp
from warifu.kernel.limits import FREE_TEXT, ID, LETTER_TEXT, check_text


class Posted:
    """The post of one institution."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def list_applications(self, request: pb.ListApplicationsRequest) -> pb.ListApplicationsResponse:
        """Applications, newest first."""
        listed = self._ground.business.store.read(
            lambda connection: applications.listed(connection, waiting_only=request.waiting_only)
        )
        return pb.ListApplicationsResponse(applications=[_application(one) for one in listed])

    def list_letters(self, request: pb.ListLettersRequest) -> pb.ListLettersResponse:
        """Letters, newest first."""
        listed = self._ground.business.store.read(
            lambda connection: letters.listed(connection, open_only=request.open_only)
        )
        return pb.ListLettersResponse(letters=[_letter(one) for one in listed])

    async def answer_letter(self, request: pb.AnswerLetterRequest) -> pb.AnswerLetterResponse:
        """Answer a letter; first the correcting entry, when there is to be one: an answer must not promise what was not made.

        Raises:
            LinkageError: CLIENT_LETTER_UNKNOWN, CLIENT_LETTER_ANSWERED, CLIENT_MALFORMED; why the gateway makes no correcting entry.
        """
        acting = who(request.actor)
        check_lines(request.text)
        check_text(request.letter_id, "letter_id", ID)
        correction = request.correction if request.HasField("correction") else None
        letter = self._ground.business.store.read(lambda connection: letters.require(connection, request.letter_id))
        if correction is not None and letter.answer is None:
            check_text(correction, "correction", FREE_TEXT)
            await self._ground.interim.correct(letter.request_id, correction)

        def change(connection: Connection) -> letters.Letter:
            at = self._ground.now()
            return letters.answer(connection, request.letter_id, request.text, at, acting["clerk"], correction)

        return pb.AnswerLetterResponse(letter=_letter(await self._ground.business.store.write(change)))


def check_lines(text: str) -> None:
    """Refuse an answer that is not fit to keep and show; it may have several lines.

    Raises:
        LinkageError: CLIENT_MALFORMED, CLIENT_TOO_LARGE.
    """
    check_text(text.replace("\n", " "), "text", LETTER_TEXT)


def _application(one: applications.Application) -> pb.Application:
    return pb.Application(
        application_id=one.application_id,
        procedure=one.procedure,
        submitted_at=timestamp(one.submitted_at),
        applicant=one.applicant,
        fields=[pb.FilledField(name=name, value=value) for name, value in one.fields],
        problem=None if one.problem is None else LinkageError(one.problem).failure(),
        addressee_no=one.addressee_no,
        case_reference=one.case_reference,
    )


def _letter(one: letters.Letter) -> pb.Letter:
    return pb.Letter(
        letter_id=one.letter_id,
        request_id=one.request_id,
        objection=one.objection,
        text=one.text,
        sent_at=timestamp(one.sent_at),
        answer_by=one.answer_by,
        answer=one.answer,
        answered_at=None if one.answered_at is None else timestamp(one.answered_at),
        told=one.told,
    )
