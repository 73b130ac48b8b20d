"""The firehose's door: judges a request, and hands its connection over to the streams' process."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, status
from rest_framework.authentication import get_authorization_header
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import directory, following, parameters, visibility
from events.following import Choice, Position
from events.parameters import Parameters
from events.streaming.asked import SOCKET, Asked, Caller, Form
from events.streaming.entitlement import password_mark
from leadops.lib import handover, secrets
from leadops.lib.access import IsStaff
from recipients.outcomes import Outcome

NOW, BEGINNING = "now", "start"
MOST_IDS = 100
RETRY_SECONDS = 2
GIVER = handover.Giver()
ABOUT = """
Every event as it settles, one JSON object a line (`application/x-ndjson`), or server-sent events
where `Accept` names `text/event-stream`. The shape is that of the event lists. Keep the id of the
last event you have, and go on with `after=` that id: nothing is missing, and nothing comes twice.
Blank lines are signs of life. A last line `{"stream": {"closed": …}}` says why a stream ends.
"""


class Gone(exceptions.APIException):
    status_code = status.HTTP_410_GONE
    default_code = "gone"


class Refused(exceptions.APIException):
    """What the streams' process said; 503 where there is none."""

    def __init__(self, code: int, word: str, message: str, wait: float) -> None:
        super().__init__(message)
        self.status_code, self.default_code, self.wait = code, word, wait


class EventStreamView(APIView):
    """The record as it grows."""

    permission_classes = [IsStaff]

    @extend_schema(
        summary="Events as they happen",
        description=ABOUT,
        parameters=[
            OpenApiParameter(
                "after",
                str,
                description="The id of the last event you have; `start`: all that is kept; "
                "`now` (default): from now on.",
            ),
            OpenApiParameter(
                "Last-Event-ID", str, OpenApiParameter.HEADER, description="Goes before `after`."
            ),
            OpenApiParameter("type", str, many=True, description="Repeatable; `recipient.*`."),
            OpenApiParameter("flow", str, many=True, description="Slug or id; repeatable."),
            OpenApiParameter("entity_id", str, many=True),
            OpenApiParameter("lead_id", str, many=True),
            OpenApiParameter("outcome", str, many=True),
            OpenApiParameter("exclude", str, enum=["lead"], description="Leave out snapshots."),
        ],
        responses={
            (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, "text/event-stream"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request) -> Response:
        asked = _asked(request)
        if request.method == "GET":
            _hand_over(request._request, asked)
        return Response(None, content_type=asked.form.content_type)


def _asked(request: Request) -> Asked:
    """Raises WrongShape, NotFound and Gone."""
    query = Parameters(request.query_params)
    given = _Given(request.query_params)
    wanted: dict[str, Any] = {
        "types": given.read("type", parameters.types),
        "flows": given.read("flow", _flows),
        "parties": given.read("entity_id", _ids),
        "leads": given.read("lead_id", _ids),
        "outcomes": given.read("outcome", _outcomes),
    }
    with_lead = query.read("exclude", with_snapshots, True)
    query.problems |= given.problems
    after = _after(request, query)
    query.check()
    sse = Form.SSE.content_type in request.headers.get("Accept", "").lower()
    return Asked(
        caller=_caller(request),
        after=after,
        choice=Choice(**{name: frozenset(values) for name, values in wanted.items()}),
        form=Form.SSE if sse else Form.LINES,
        with_lead=with_lead,
        chunked=request.META.get("SERVER_PROTOCOL") != "HTTP/1.0",
    )


class _Given:
    """Parameters that may be given several times."""

    def __init__(self, query: Any) -> None:
        self.query = query
        self.problems: dict[str, str] = {}

    def read(self, name: str, parse: Any) -> list[str]:
        texts = [text.replace("\0", "") for text in self.query.getlist(name) if text]
        try:
            return list(parse(texts)) if texts else []
        except ValueError as error:
            self.problems[name] = str(error)
            return []


def with_snapshots(text: str) -> bool:
    if text != "lead":
        raise ValueError("Only lead can be left out.")
    return False


def _flows(given: list[str]) -> list[str]:
    found = []
    for text in given:
        flow = directory.party("flows.Flow", text)
        if flow is None:
            raise ValueError(f"There is no flow {text[:60]!r}.")
        found.append(flow.id)
    return found


def _ids(given: list[str]) -> list[str]:
    if len(given) > MOST_IDS:
        raise ValueError(f"At most {MOST_IDS}.")
    return given


def _outcomes(given: list[str]) -> list[str]:
    words = [word for text in given for word in text.split(",")]
    for word in words:
        if word not in list(Outcome):
            raise ValueError(f"There is no outcome {word[:60]!r}.")
    return words


def _after(request: Request, query: Parameters) -> Position:
    """Where it begins. A browser that connects anew repeats the address, and says in a header how
    far it came: so the header counts."""
    text = request.headers.get("Last-Event-ID", "").strip()
    text = text or request.query_params.get("after", "") or NOW
    if text == NOW:
        return following.tip()
    if text == BEGINNING:
        return following.START
    try:
        return following.position_of(text)
    except ValueError as error:
        query.problems["after"] = str(error)
        return following.START
    except following.Trimmed as error:
        raise Gone(f"{error} Begin again with after=start.") from error
    except following.NoSuchPosition as error:
        raise exceptions.NotFound(str(error)) from error


def _caller(request: Request) -> Caller:
    principal = visibility.caller(request)
    words = get_authorization_header(request).split()
    if len(words) == 2:
        return Caller(principal.id, key=secrets.hash_key(words[1].decode("latin-1")))
    session = getattr(request._request, "session", None)
    return Caller(
        principal.id,
        session=getattr(session, "session_key", None) or "",
        password=password_mark(principal.user),
    )


def _hand_over(request: HttpRequest, asked: Asked) -> None:
    """Raises Refused."""
    environ: dict[str, Any] = getattr(request, "environ", {})
    connection = environ.get("gunicorn.socket")
    if connection is None or environ.get("HTTP_VERSION") == "2":
        raise _nobody()
    try:
        at = handover.path(settings.LEADOPS_HOME, SOCKET)
        GIVER.give(at, connection, asked.message())
    except handover.Refused as error:
        raise Refused(error.status, error.code, error.message, error.retry_after) from error
    except handover.NobodyThere as error:
        raise _nobody() from error
    environ[handover.HANDED_OVER] = True


def _nobody() -> Refused:
    said = "Streams are not served right now. Try again soon."
    return Refused(status.HTTP_503_SERVICE_UNAVAILABLE, "unavailable", said, RETRY_SECONDS)
