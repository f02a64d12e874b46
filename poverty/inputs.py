"""One validator for everything that comes in: what no field can hold is answered 400, never 500.

NUL bytes and lone surrogates break PostgreSQL text, NaN and infinities break numbers, endless and over-deep values
break memory; stock Django answers all of them with an error 500.
"""

import json
import re
from decimal import ROUND_HALF_UP, Decimal

from django.core.exceptions import BadRequest, ValidationError
from django.utils.translation import gettext_lazy as _

MAX_TEXT = 20_000
MAX_DEPTH = 20
AMOUNT = re.compile(r"-?\d{1,12}(\.\d{1,2})?", re.ASCII)
_BAD = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return `text`, or raise BadRequest when no column could hold it."""
    if _BAD.search(text) or len(text) > MAX_TEXT:
        raise BadRequest("a value holds characters that cannot be stored, or is too long")
    return text


def parse_amount(text: str) -> Decimal:
    """Return yuan from exactly `-?\\d{1,12}(\\.\\d{1,2})?` in ASCII after trimming; ValidationError for anything else.

    Python's Decimal takes "NaN", "1_000" and Arabic digits; a register of money must not.
    """
    text = text.strip()
    if not AMOUNT.fullmatch(text):
        raise ValidationError(_("Write the amount in yuan as digits, with at most two decimals."), code="amount")
    return Decimal(text)


def round_yuan(value: Decimal) -> Decimal:
    """Round half-up to the fen."""
    return value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def _refuse_constant(text):
    raise BadRequest(f"{text} is not a number")


def _depth(value, level: int = 1) -> int:
    if isinstance(value, dict):
        return max([_depth(item, level + 1) for item in value.values()], default=level)
    if isinstance(value, list):
        return max([_depth(item, level + 1) for item in value], default=level)
    return level


def parse_json(body: bytes | str):
    """Return the value of a JSON text; BadRequest when it is broken, too deep, or holds what cannot be stored."""
    if isinstance(body, bytes):
        try:
            body = body.decode()
        except UnicodeDecodeError as error:
            raise BadRequest("the text is not UTF-8") from error
    # Nesting is counted on the text first: the parser itself recurses.
    if body.count("[") + body.count("{") > 100_000:
        raise BadRequest("the text is nested too deeply")
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the text is not JSON") from error
    if _depth(value) > MAX_DEPTH:
        raise BadRequest("the text is nested too deeply")
    _walk(value)
    return value


def _walk(value):
    if isinstance(value, str):
        clean_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            clean_text(key)
            _walk(item)
    elif isinstance(value, list):
        for item in value:
            _walk(item)


class InputMiddleware:
    """Check the query string, the path, form fields and file names of every request."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        clean_text(request.path_info)
        self._check(request.GET)
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if request.method in ("POST", "PUT", "PATCH"):
            if request.content_type == "application/json":
                request.json = parse_json(request.body)
            else:
                self._check(request.POST)
                for name in request.FILES:
                    for upload in request.FILES.getlist(name):
                        clean_text(upload.name or "")

    @staticmethod
    def _check(fields):
        for name, values in fields.lists():
            clean_text(name)
            for value in values:
                clean_text(value)
