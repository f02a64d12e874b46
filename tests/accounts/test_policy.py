"""A view that does not say who may call it is refused, and every refusal is on record."""

import uuid

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import get_resolver, path

from accounts.decorators import policy, public
from accounts.middleware import declared_policy
from accounts.models import AuditEvent, User
from accounts.roles import Permission, Role
from poverty import scope
from poverty.urls import handler400, handler403, handler404, handler500
from poverty.urls import urlpatterns as real

pytestmark = pytest.mark.django_db(transaction=True)


def undeclared(request):
    return HttpResponse("anybody")


@policy(Permission.USER_MANAGE)
def managed(request, **kwargs):
    return HttpResponse("in")


@policy(Permission.SELF_SERVICE)
def undone(request):
    User.objects.filter(pk=request.user.pk).update(unit="written before the refusal")
    raise PermissionDenied


@policy(Permission.SELF_SERVICE)
def late(request):
    """Render late, as Django's admin does; the template asks the database who acts."""
    from django.db import connection

    def actor():
        with connection.cursor() as cursor:
            cursor.execute("SELECT scope_user()")
            return cursor.fetchone()[0]

    return TemplateResponse(
        request, "accounts/_region_options.html", {"results": [{"code": 1, "name": 2, "path": actor()}]}
    )


urlpatterns = [
    *real,
    path("undeclared/", undeclared),
    path("managed/", managed, name="managed"),
    path("managed/<uuid:uid>/<str:household_no>/", managed, name="managed_one"),
    path("undone/", undone),
    path("late/", late),
]
__all__ = ["handler400", "handler403", "handler404", "handler500"]


@pytest.fixture
def probe(settings, make_user, regions):
    settings.ROOT_URLCONF = __name__
    client = Client()
    client.user = make_user(Role.COUNTY_OFFICE, "459901")
    client.force_login(client.user)
    return client


def test_a_view_without_a_policy_is_refused_and_audited(probe):
    assert probe.get("/undeclared/").status_code == 403
    assert AuditEvent.objects.get().action == "refused"


def test_a_refusal_names_the_page_and_no_household(probe):
    uid = uuid.uuid4()
    assert probe.get(f"/managed/{uid}/H45990110020112345/").status_code == 403
    event = AuditEvent.objects.get()
    assert (event.actor, event.area, event.target) == (probe.user.username, "459901", "managed_one")
    assert event.detail == {"method": "GET", "uid": str(uid)}


def test_a_refusal_outlives_the_rollback(probe):
    assert probe.post("/undone/").status_code == 403
    assert User.objects.get(pk=probe.user.pk).unit == ""
    assert AuditEvent.objects.filter(action="refused").count() == 1


def test_a_late_rendering_page_renders_inside_the_scope(probe):
    assert f">{probe.user.pk}<" in probe.get("/late/").content.decode()
    assert scope.current() is None


def test_strangers_are_led_to_the_log_in(settings):
    settings.ROOT_URLCONF = __name__
    assert Client().get("/managed/").status_code == 302


def walk(patterns, prefix=""):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from walk(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern.callback


def test_every_address_declares_its_policy():
    from poverty import urls

    missing = [where for where, view in walk(urls.urlpatterns) if declared_policy(view) is None]
    assert missing == []


def test_wrapped_views_and_classes_are_looked_into():
    import functools

    @functools.wraps(managed)
    def around(request):
        return managed(request)

    class View:
        policy = ("public",)

    around.__dict__.pop("policy", None)
    assert declared_policy(around) == (Permission.USER_MANAGE,)
    undeclared.view_class = View
    assert declared_policy(undeclared) == ("public",)
    del undeclared.view_class
    assert declared_policy(undeclared) is None
    assert declared_policy(public(lambda request: None)) == ("public",)


def test_errors_are_explained_in_plain_words(probe):
    page = probe.get("/no-such-page/")
    assert page.status_code == 404
    assert probe.get("/no-such-page/", headers={"Accept": "application/json"}).json()["error"]
    assert probe.get("/me/?a=%00").status_code == 400
    assert Client().get("/login/?next=%ED%A0%80").status_code in (200, 400)
    assert get_resolver().resolve_error_handler(500)(None).status_code == 500
