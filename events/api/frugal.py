"""Answers that cost little: not sent twice, and given up where they would take too long."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils.cache import get_conditional_response, patch_cache_control
from psycopg.errors import QueryCanceled
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

LONGEST = 5_000  # ms for reading a page


class TooBroad(APIException):
    """The database would have to read too much for this; asking again would not help."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "too_broad"
    default_detail = (
        "Too much would have to be read for this. Narrow the period with start and end, or name a "
        "lead or an entity."
    )


@contextmanager
def bounded(ms: int = LONGEST) -> Iterator[None]:
    """Statements within may take so long each; raises TooBroad for those that would take longer."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(ms)])
            yield
            # An outer transaction, if there is one, goes on as it was.
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooBroad from error
        raise


class ConditionalView(APIView):
    """Answers carry an ETag over what is in them, and are 304 where the caller has it.

    The same address says different things to different callers, so nobody in between keeps it.
    """

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if request.method in ("GET", "HEAD") and answer.status_code == status.HTTP_200_OK:
            answer.add_post_render_callback(lambda rendered: _marked(request, rendered))
        return answer


def _marked(request: Request, answer: Response) -> Any:
    etag = f'"{hashlib.sha256(answer.rendered_content).hexdigest()[:32]}"'
    answer["ETag"] = etag
    patch_cache_control(answer, private=True, no_cache=True)
    return get_conditional_response(request._request, etag=etag, response=answer)
