"""What the API's rooms share: who gets in, what may be asked, how pages and errors look, how it describes itself.

The API reads, and writes nothing. A room's `api.py` has views of two kinds: `ListView`, which takes the filter form of
the page beside it, and `OneView`. Their addresses are wrapped in the room's `policy`, as pages are: it opens the scope
and renders inside the transaction, for row-level security shows a late rendering no rows.

Deny by default: a view outside a policy answers 403; a serializer sends the fields that it names; a key that no form
knows is refused, so that a misspelt filter never comes back as the whole register.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from poverty import doors, idnumber
from poverty.apidoor import Door

ROOT = "/api/"
PAGE, MOST = 50, 200
LAST_PAGE = 100_000
REGION = r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{15})$"
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_YES_NO = {"true": True, "1": True, "false": False, "0": False}


def is_api(request) -> bool:
    return getattr(request, "path_info", "").startswith(ROOT)


# --- what is told when something is wrong ---------------------------------------------------------------------------------


class Fault(serializers.Serializer):
    where = serializers.CharField(help_text=gettext_lazy("query or header"))
    name = serializers.CharField(help_text=gettext_lazy("key in question"))
    message = serializers.CharField(help_text=gettext_lazy("what is wrong with it"))


class Problem(serializers.Serializer):
    error = serializers.CharField(help_text=gettext_lazy("what happened and what to do, for a person to read"))
    places = Fault(many=True)


class Point(serializers.Serializer):
    lon = serializers.FloatField(help_text=gettext_lazy("Longitude"))
    lat = serializers.FloatField(help_text=gettext_lazy("Latitude"))


def place(where: str, name: str, message) -> dict:
    return {"where": where, "name": name[:100], "message": str(message)}


def body(text, places=()) -> dict:
    return {"error": str(text), "places": list(places)}


def problem(status: int, text, places=(), headers=None) -> JsonResponse:
    """Return an answer that says what happened; for what ends before a view, or beside one."""
    answer = JsonResponse(body(text, places), status=status, json_dumps_params={"ensure_ascii": False})
    answer.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    return answer


class Refused(exceptions.APIException):
    """A question that cannot be answered as it was put."""

    status_code = 400

    def __init__(self, places):
        super().__init__("refused")
        self.places = places


def texts() -> dict[int, str]:
    return {
        400: _("This question could not be read: see the places. Nothing was done."),
        401: _("Log in first, or send a token: Authorization: Bearer …. Tokens are made on the page “My account”."),
        403: _("Your account may not do this. The attempt was noted."),
        404: _("There is nothing at this address, or it is not in your area."),
        405: _("The API reads only: ask with GET. Changes are made on the pages."),
        429: _("Too many questions at once. Wait as long as Retry-After says, then go on."),
    }


def handle(error, context):
    """Answer an exception of a view in the one shape of errors; what is none of ours goes on to the error page."""
    if isinstance(error, Refused):
        return Response(body(texts()[400], error.places), status=400)
    status = {Http404: 404, PermissionDenied: 403}.get(type(error)) or getattr(error, "status_code", None)
    if status is None:
        return None
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if isinstance(error, exceptions.Throttled) and error.wait is not None:
        headers["Retry-After"] = str(int(error.wait) + 1)
    return Response(body(texts().get(status) or str(error)), status=status, headers=headers)


# --- what may be asked ----------------------------------------------------------------------------------------------------


def _is_identity(text: str) -> bool:
    facts = idnumber.facts(idnumber.normalise(text), today=timezone.localdate())
    return facts.kind in ("15", "18", "20") and not facts.fault


def schema_of(field: forms.Field, pattern: str = "") -> dict:
    """Return the JSON schema of what a form's field takes in an address."""
    if isinstance(field, forms.BooleanField):
        return {"type": "boolean"}
    if isinstance(field, forms.IntegerField):
        limits = {"minimum": field.min_value, "maximum": field.max_value}
        return {"type": "integer", **{name: value for name, value in limits.items() if value is not None}}
    if isinstance(field, forms.ChoiceField):
        return {"type": "string", "enum": [str(value) for value, _label in field.choices if value not in ("", None)]}
    if isinstance(field, forms.UUIDField):
        return {"type": "string", "format": "uuid"}
    if isinstance(field, forms.DateField):
        return {"type": "string", "format": "date"}
    regex = getattr(field, "regex", None)
    found = {"type": "string", "minLength": 1, "pattern": pattern or (regex.pattern if regex else r"\S")}
    return {**found, "maxLength": field.max_length} if getattr(field, "max_length", None) else found


class Paging(forms.Form):
    page = forms.IntegerField(label=gettext_lazy("page number"), min_value=1, max_value=LAST_PAGE, required=False)
    page_size = forms.IntegerField(label=gettext_lazy("rows a page"), min_value=1, max_value=MOST, required=False)


class Nothing(forms.Form):
    """What is asked of a single thing: no key at all."""


@dataclass
class Asked:
    """What was asked for; the form is valid."""

    form: forms.Form
    page: int = 1
    size: int = PAGE

    @property
    def filters(self) -> list[str]:
        """Return the names of the filters that were given, for the audit trail: never their values."""
        return sorted(set(self.form.data) - {"page", "page_size"})


class Described(AutoSchema):
    """Describe a view by what it declares itself."""

    def get_operation_id(self):
        return self.view.operation

    def get_tags(self):
        return [self.view.operation.partition("_")[0]]

    def get_summary(self):
        return str(self.view.title)

    def get_description(self):
        return ""

    def get_filter_backends(self):
        return []

    def get_override_parameters(self):
        return self.view.parameters()

    def get_response_serializers(self):
        told = {status: OpenApiResponse(Problem, text) for status, text in texts().items() if status != 405}
        if not self.view.may_be_absent:
            told.pop(404)
        return {200: OpenApiResponse(self.view.answer(), str(self.view.title)), **told}


class DescribedDoor(OpenApiAuthenticationExtension):
    target_class = Door
    name = ["session", "token"]

    def get_security_requirement(self, auto_schema):
        return [{"session": []}, {"token": []}]

    def get_security_definition(self, auto_schema):
        return [
            {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
            {"type": "http", "scheme": "bearer"},
        ]


class View(APIView):
    """Answers a question. `operation` names it in the description, `title` says what it gives."""

    http_method_names = ["get", "head"]
    schema = Described()
    operation = title = ""
    form_class: type[forms.Form] = Nothing
    patterns: dict[str, str] = {}  # of fields whose form is stricter than its declaration tells
    path_patterns: dict[str, str] = {}  # of what stands in the address, where its converter takes any text
    may_be_absent = False
    paged = False

    @classmethod
    def as_view(cls, **initkwargs):
        view = super().as_view(**initkwargs)
        view.login_required = True  # REST framework would rather say so itself, after the policy has asked
        return view

    def make_form(self, data, user) -> forms.Form:
        return self.form_class(data)

    def _fields(self, form) -> dict[str, forms.Field]:
        """Return what may be asked: the form's fields, with pages of the API's own size instead of the page's."""
        paging = Paging().fields if self.paged else {}
        return {**{name: field for name, field in form.fields.items() if name != "page"}, **paging}

    def parameters(self) -> list[OpenApiParameter]:
        found = [
            OpenApiParameter(name, {"type": "string", "pattern": pattern}, OpenApiParameter.PATH)
            for name, pattern in self.path_patterns.items()
        ]
        for name, field in self._fields(self.make_form({}, None)).items():
            shape = schema_of(field, self.patterns.get(name, ""))
            if name == "page_size":
                shape["default"] = PAGE
            found.append(OpenApiParameter(name, shape, required=field.required, description=str(field.label or name)))
        return found

    def asked(self, request) -> Asked:
        """Return what the address asks for; Refused, with every place, when it cannot be read."""
        given, places = {}, []
        fields = self._fields(self.make_form({}, request.user))
        for name, values in request.GET.lists():
            if fault := self._fault(name, values, fields):
                places.append(place("query", name, fault))
            else:
                given[name] = self._plain(fields[name], values[0])
        paging = Paging({name: given.pop(name) for name in ("page", "page_size") if name in given})
        page, size = 1, PAGE
        if paging.is_valid():
            page, size = paging.cleaned_data["page"] or 1, paging.cleaned_data["page_size"] or PAGE
        form = self.make_form({**given, "page": str(page)}, request.user)
        for each in (paging, form):
            for name, errors in each.errors.items():
                if not any(known["name"] == name for known in places):
                    places.append(place("query", name.removeprefix("__all__"), " ".join(errors)))
        if places:
            raise Refused(places)
        return Asked(form, page, size)

    def _fault(self, name: str, values: list[str], fields) -> str:
        """Return what is wrong with a key before its form looks at it, "" for nothing."""
        field, text = fields.get(name), values[0]
        if field is None:
            known = ", ".join(fields)
            return _("There is no such key here. These are known: %(keys)s.") % {"keys": known} if known else _(
                "There is no such key here: this address takes none."
            )  # fmt: skip
        if len(values) > 1:
            return _("This key may be given once only.")
        if not text.strip():
            return _("Leave the key out instead of sending it empty.")
        if isinstance(field, forms.BooleanField) and text not in _YES_NO:
            return _("Write true or false.")
        if isinstance(field, forms.IntegerField) and not _WHOLE.fullmatch(text):
            return _("Write a whole number.")
        pattern = self.patterns.get(name)
        if pattern and not re.fullmatch(pattern, text, re.ASCII):
            return _("This cannot be read. See the description of the API for what this key takes.")
        if isinstance(field, forms.CharField) and not pattern and _is_identity(text):
            return _("Identity numbers have no business in an address: they would stay in logs. Search on the page.")
        return ""

    @staticmethod
    def _plain(field, text: str) -> str:
        if isinstance(field, forms.BooleanField):
            return "1" if _YES_NO[text] else ""
        return text


class OneView(View):
    """Answers with one thing, or as if there were none."""

    may_be_absent = True
    serializer_class: type[serializers.Serializer]

    def answer(self):
        return self.serializer_class

    def get(self, request, **which):
        asked = self.asked(request)
        return Response(self.serializer_class(self.find(request.user, asked, **which)).data)


@dataclass
class Found:
    """A page of what was asked for, and how many there are in all."""

    count: int
    rows: list


class ListView(View):
    """Answers with a page of rows. `noted`: the audit trail says who read how many rows of it."""

    paged = True
    noted = False
    serializer_class: type[serializers.Serializer]

    def answer(self):
        name = f"{self.serializer_class.__name__}Page"
        if name not in _pages:
            fields = {
                "count": serializers.IntegerField(help_text=gettext_lazy("rows in all")),
                "page": serializers.IntegerField(help_text=gettext_lazy("page number")),
                "pages": serializers.IntegerField(help_text=gettext_lazy("pages in all")),
                "next": serializers.CharField(allow_null=True, help_text=gettext_lazy("address of the next page")),
                "results": self.serializer_class(many=True),
            }
            _pages[name] = type(name, (serializers.Serializer,), fields)
        return _pages[name]

    def get(self, request):
        asked = self.asked(request)
        found = self.find(request.user, asked)
        pages = -(-found.count // asked.size)
        if asked.page > pages:
            found.rows = []
        after = urlencode({**request.GET.dict(), "page": asked.page + 1})
        if self.noted:
            detail = {"rows": len(found.rows), "page": asked.page, "filters": asked.filters}
            if request.auth is not None:
                detail["token"] = request.auth.key
            doors.record("api.read", request=request._request, target=self.operation, detail=detail)
        return Response(
            {
                "count": found.count,
                "page": asked.page,
                "pages": pages,
                "next": f"{request.path}?{after}" if asked.page < pages else None,
                "results": self.serializer_class(found.rows, many=True).data,
            }
        )


_pages: dict[str, type] = {}


def sliced(rows, asked: Asked) -> Found:
    """Return a page of an ordered queryset, and its number of rows."""
    count = rows.count()
    first = (asked.page - 1) * asked.size
    return Found(count, list(rows[first : first + asked.size]) if first < count else [])


class SchemaView(View):
    """The description of the API, as OpenAPI 3 in JSON."""

    schema = None  # it does not describe itself

    def get(self, request):
        self.asked(request)
        return Response(SchemaGenerator(api_version="v1").get_schema(request=request, public=True))


description = doors.policy("self.service")(SchemaView.as_view())
