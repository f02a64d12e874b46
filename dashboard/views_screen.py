"""War-room screens: the office's list, the composer, the screen itself, and links for walls without a log-in."""

import json

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import record
from accounts.decorators import policy, public
from accounts.middleware import background
from accounts.roles import Permission
from dashboard import board as boards
from dashboard import boundaries as shapes
from dashboard import figures, links, screens
from dashboard.models import DisplayLink, Screen
from poverty import scope
from poverty.inputs import parse_json
from regions.models import Region

BEARER = "bearer"
MOST_BYTES = 60_000


class ScreenForm(forms.Form):
    """A screen as the composer sends it: its layout is one text, checked by `screens.clean`."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=60, min_length=2)
    seconds = forms.IntegerField(
        label=gettext_lazy("Seconds per slide"), min_value=screens.SECONDS[0], max_value=screens.SECONDS[1]
    )
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    layout = forms.CharField(max_length=MOST_BYTES, widget=forms.HiddenInput)

    def __init__(self, *args, region: str, **more):
        super().__init__(*args, **more)
        self.region = region

    def clean_layout(self):
        try:
            found = parse_json(self.cleaned_data["layout"])
        except BadRequest as error:
            raise ValidationError(_("This is no layout of a screen."), code="layout") from error
        return screens.clean(found, self.region)


class LinkForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Where it hangs"),
        max_length=60,
        min_length=2,
        help_text=gettext_lazy("Such as the hall or the room, so that you know later which wall it is."),
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Valid for"),
        coerce=int,
        choices=[(days, ngettext_lazy("%d day", "%d days", days) % days) for days in links.DAYS],
        initial=90,
    )


# --- the office's screens -------------------------------------------------------------------------------------------------


def _screen(user, uid) -> Screen:
    found = Screen.objects.visible_to(user).kept().select_related("region", "saved_by").defer("region__boundary")
    screen = get_object_or_404(found, uid=uid)
    if not figures.in_area(user, screen.region_id):
        raise Http404
    return screen


@policy(Permission.FIGURES_VIEW)
@require_safe
def screen_list(request):
    """The screens of the area, and the one that every office has from the start."""
    user = request.user
    now = timezone.now()
    open_links = Count("links", filter=Q(links__revoked_at=None, links__expires_at__gt=now))
    found = (
        Screen.objects.visible_to(user)
        .kept()
        .select_related("region", "saved_by")
        .defer("region__boundary")
        .annotate(open_links=open_links)
    )
    context = {
        "screens": [(screen, len(screen.layout.get("slides", []))) for screen in found],
        "own": figures.in_area(user, boards.whole_area(user) or "~"),
        "usual": [slide["title"] for slide in screens.usual_layout()["slides"]],
    }
    return render(request, "dashboard/screens.html", context)


@policy(Permission.SCREEN_EDIT)
def screen_add(request):
    """Compose a new screen, beginning with the usual one."""
    return _compose(request, None, _area(request.user))


@policy(Permission.SCREEN_EDIT)
def screen_edit(request, uid):
    screen = _screen(request.user, uid)
    return _compose(request, screen, screen.region_id)


def _compose(request, screen: Screen | None, region: str):
    name = Region.objects.filter(pk=region).values_list("name", flat=True).first() or region
    if request.method == "POST":
        form = ScreenForm(request.POST, region=region)
        if form.is_valid():
            saved = _save(request, form.cleaned_data, screen, region)
            if saved is not None:
                messages.success(request, _("The screen is saved."))
                return redirect("dashboard:screens")
            screen.refresh_from_db()
            form.add_error(
                None,
                _(
                    "%(who)s saved this screen while you were composing. Open theirs, or save again to put yours in its place."
                )
                % {"who": screen.saved_by},
            )
            return _composer(request, screen, region, name, form, status=409, version=screen.version)
        return _composer(request, screen, region, name, form, status=422)
    initial = {
        "title": screen.title if screen else _("%(area)s war room") % {"area": name},
        "seconds": screen.seconds if screen else screens.USUAL_SECONDS,
        "version": screen.version if screen else 0,
        "layout": json.dumps(screen.layout if screen else screens.usual_layout(), ensure_ascii=False),
    }
    return _composer(request, screen, region, name, ScreenForm(initial=initial, region=region))


def _composer(request, screen, region, name, form, status=200, version=None):
    written = form["layout"].value() or ""
    try:
        layout = parse_json(written)
        screens.clean(layout, region)
    except (BadRequest, ValidationError):
        # What was sent is given back as far as a composer can show it; nothing of it is kept.
        layout = screen.layout if screen else screens.usual_layout()
    context = {
        "screen": screen,
        "area_name": name,
        "form": form,
        "version": version if version is not None else form["version"].value(),
        "layout": layout,
        "palette": screens.palette(),
        "regions": screens.regions_below(region),
        "grid": {"across": screens.ACROSS, "down": screens.DOWN, "slides": screens.MOST_SLIDES},
        "region": region,
    }
    return render(request, "dashboard/composer.html", context, status=status)


def _save(request, asked: dict, screen: Screen | None, region: str) -> Screen | None:
    """Keep a screen; None when somebody else has saved it since it was opened."""
    values = {"title": asked["title"].strip(), "seconds": asked["seconds"], "layout": asked["layout"]}
    if screen is None:
        made = Screen.objects.create(region_id=region, owner=request.user, saved_by=request.user, **values)
        record("screen.made", request=request, target=f"screen:{made.pk}", detail={"title": made.title})
        return made
    now = timezone.now()
    mine = Screen.objects.visible_to(request.user).kept().filter(pk=screen.pk, version=asked["version"])
    if not mine.update(**values, saved_by=request.user, saved_at=now, version=asked["version"] + 1):
        return None
    record("screen.changed", request=request, target=f"screen:{screen.pk}", detail={"title": values["title"]})
    return screen


@policy(Permission.SCREEN_EDIT)
@require_POST
def screen_remove(request, uid):
    """Take a screen away; its walls go dark."""
    screen = _screen(request.user, uid)
    with transaction.atomic():
        links.revoke(links.valid(screen), by=request.user, request=request)
        Screen.objects.visible_to(request.user).filter(pk=screen.pk).update(removed_at=timezone.now())
        record("screen.removed", request=request, target=f"screen:{screen.pk}", detail={"title": screen.title})
    messages.success(request, _("The screen “%(title)s” is removed.") % {"title": screen.title})
    return redirect("dashboard:screens")


# --- the screen, for who is logged in ---------------------------------------------------------------------------------------


def _page(request, *, title: str, address: str, shapes_address: str, back: str = "", link: bool = False):
    context = {
        "title": title,
        "address": address,
        "shapes": shapes_address,
        "back": back,
        "link": link,
        "script": static("js/screen.js"),
    }
    answer = render(request, "dashboard/screen.html", context)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _area(user) -> str:
    """Return the region that is wholly the user's: what is drawn is kept for everybody who sees all of it."""
    region = boards.whole_area(user)
    if not region or not figures.in_area(user, region):
        raise Http404
    return region


@policy(Permission.FIGURES_VIEW)
@require_safe
def screen_usual(request):
    """The screen of an office that has composed none."""
    _area(request.user)
    region_shapes = reverse("dashboard:boundaries", args=["00"])
    return _page(
        request,
        title=_("War room"),
        address=reverse("dashboard:screen_usual_data"),
        shapes_address=region_shapes,
        back=reverse("dashboard:screens"),
    )


@background
@policy(Permission.FIGURES_VIEW)
@require_safe
def screen_usual_data(request):
    region = _area(request.user)
    layout = screens.usual_layout()
    name = Region.objects.filter(pk=region).values_list("name", flat=True).first() or region
    found = screens.figures_of(
        region=region,
        layout=layout,
        seconds=screens.USUAL_SECONDS,
        title=_("%(area)s war room") % {"area": name},
        version="usual",
    )
    return _told(found)


@policy(Permission.FIGURES_VIEW)
@require_safe
def screen_show(request, uid):
    screen = _screen(request.user, uid)
    return _page(
        request,
        title=screen.title,
        address=reverse("dashboard:screen_data", args=[uid]),
        shapes_address=reverse("dashboard:boundaries", args=["00"]),
        back=reverse("dashboard:screens"),
    )


@background
@policy(Permission.FIGURES_VIEW)
@require_safe
def screen_data(request, uid):
    """Everything the screen draws. Asking for it is no sign of anybody's presence: a log-in ends as it would."""
    return _told(_figures(_screen(request.user, uid)))


def _figures(screen: Screen) -> dict:
    return screens.figures_of(
        region=screen.region_id,
        layout=screen.layout,
        seconds=screen.seconds,
        title=screen.title,
        version=f"{screen.pk}.{screen.version}",
    )


def _told(found: dict) -> JsonResponse:
    answer = JsonResponse(found, json_dumps_params={"ensure_ascii": False, "separators": (",", ":")})
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


# --- links for walls ----------------------------------------------------------------------------------------------------------


@policy(Permission.SCREEN_SHARE)
def screen_links(request, uid):
    """The display links of a screen; a new one is shown this once."""
    screen = _screen(request.user, uid)
    form, text, made, status = LinkForm(), "", None, 200
    if request.method == "POST":
        form = LinkForm(request.POST)
        if form.is_valid():
            if links.valid(screen).count() >= links.MOST:
                form.add_error(
                    None, _("This screen has %(most)s links already. Revoke one first.") % {"most": links.MOST}
                )
            else:
                asked = form.cleaned_data
                made, key = links.make(
                    screen=screen, name=asked["name"], days=asked["days"], by=request.user, request=request
                )
                text = request.build_absolute_uri(reverse("dashboard:wall")) + f"#{key}"
                form = LinkForm()
        status = 200 if made else 422
    context = {
        "screen": screen,
        "links": list(links.valid(screen).select_related("made_by")),
        "form": form,
        "made": made,
        "text": text,
    }
    return render(request, "dashboard/screen_links.html", context, status=status)


@policy(Permission.SCREEN_SHARE)
@require_POST
def link_revoke(request, pk):
    link = get_object_or_404(DisplayLink.objects.visible_to(request.user).select_related("screen"), pk=pk)
    links.revoke(DisplayLink.objects.visible_to(request.user).filter(pk=link.pk), by=request.user, request=request)
    messages.success(request, _("The link opens nothing any more; its wall goes dark within a minute."))
    return redirect("dashboard:screen_links", uid=link.screen.uid)


@background
@public
@require_safe
def wall(request):
    """An empty screen: what it shows, it asks for with the link's key, which no server sees in an address."""
    return _page(
        request,
        title=_("War room"),
        address=reverse("dashboard:wall_data"),
        shapes_address=reverse("dashboard:wall_shapes", args=["00"]),
        link=True,
    )


def _opened(request) -> Screen | None:
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    return links.enter(text.strip(), request) if scheme.lower() == BEARER else None


def _closed() -> JsonResponse:
    answer = JsonResponse({"closed": True}, status=401)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="wall"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@background
@public
@require_safe
def wall_data(request):
    """The figures of the one screen that the link in the header opens, whoever else may be logged in on this device."""
    with scope.system("display link of a screen"):
        screen = _opened(request)
        return _closed() if screen is None else _told(_figures(screen))


@background
@public
@require_safe
def wall_shapes(request, code):
    """Outlines for a map on that screen, and of no other region."""
    with scope.system("display link of a screen"):
        screen = _opened(request)
        if screen is None:
            return _closed()
        shown = {
            slide["region"] or screen.region_id
            for slide in screen.layout["slides"]
            if any(tile["kind"] == "map" for tile in slide["tiles"])
        }
        if code not in shown:
            raise Http404
        _tag, body = shapes.packed(code, shapes.version(code))
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        answer = HttpResponse(body, content_type="application/geo+json", headers={"Content-Encoding": "gzip"})
    else:
        answer = HttpResponse(shapes.unpacked(body), content_type="application/geo+json")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
