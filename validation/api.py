"""The API's findings: the worklists and one finding with its log, as the pages show them to the same person."""

from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.decorators import policy
from accounts.roles import Permission
from poverty.api import REGION, Asked, Found, ListView, OneView
from validation import actions, presenting, views, worklist
from validation.forms import FindingFilterForm
from validation.models import ClosedAs, Finding, FindingState, Verdict


class FindingRow(serializers.Serializer):
    uid = serializers.UUIDField(help_text=_("key"))
    rule = serializers.CharField(help_text=_("rule"))
    title = serializers.CharField(help_text=_("the rule in one sentence"))
    suggestion = serializers.CharField(help_text=_("suggested correction"))
    severity = serializers.CharField(help_text=_("severity"))
    subject_kind = serializers.CharField(help_text=_("member, household or village"))
    about = serializers.CharField(help_text=_("Person or household"))
    number = serializers.CharField(help_text=_("Household number"))
    village = serializers.CharField(help_text=_("village's code"))
    place = serializers.CharField(help_text=_("town and village"))
    seen = serializers.CharField(help_text=_("value seen"))
    expected = serializers.CharField(help_text=_("value expected"))
    source = serializers.CharField(help_text=_("department's list"))
    state = serializers.ChoiceField(FindingState.choices, help_text=_("state"))
    verdict = serializers.ChoiceField(Verdict.choices, allow_null=True, help_text=_("verdict"))
    owner = serializers.CharField(allow_null=True, help_text=_("handled by"))
    due_on = serializers.DateField(allow_null=True, help_text=_("due on"))
    overdue = serializers.BooleanField(help_text=_("Overdue"))
    checked = serializers.BooleanField(help_text=_("checked on the spot"))
    first_seen_at = serializers.DateTimeField(help_text=_("first seen"))
    last_seen_at = serializers.DateTimeField(help_text=_("last seen"))
    closed_at = serializers.DateTimeField(allow_null=True, help_text=_("closed"))
    closed_as = serializers.ChoiceField(ClosedAs.choices, allow_null=True, help_text=_("why it was closed"))
    page = serializers.CharField(help_text=_("address of its page"))
    subject_page = serializers.CharField(help_text=_("address of the household's file"))


class FindingStep(serializers.Serializer):
    kind = serializers.CharField(help_text=_("what was done"))
    label = serializers.CharField(help_text=_("what was done, in words"))
    by = serializers.CharField(allow_null=True, help_text=_("who"))
    to = serializers.CharField(help_text=_("to whom it was dispatched"))
    at = serializers.DateTimeField(help_text=_("when"))
    verdict = serializers.ChoiceField(Verdict.choices, allow_null=True, help_text=_("verdict"))
    text = serializers.CharField(help_text=_("remark"))


class FindingFile(FindingRow):
    steps = FindingStep(many=True, help_text=_("what was done with it, the newest first"))


def _name(user) -> str | None:
    return (user.full_name or user.username) if user is not None else None


def _row(finding: Finding, **shown) -> dict:
    return {
        **{name: getattr(finding, name) for name in ("uid", "rule", "severity", "subject_kind", "source", "state")},
        **{name: getattr(finding, name) for name in ("due_on", "first_seen_at", "last_seen_at", "closed_at")},
        "village": finding.village_id,
        "verdict": finding.verdict or None,
        "closed_as": finding.closed_as or None,
        "owner": _name(finding.owner),
        "page": finding.get_absolute_url(),
        **shown,
    }


class Findings(ListView):
    operation, title = "findings_list", _("Findings of one's own area, what is due first on top")
    form_class = FindingFilterForm
    patterns = {
        "region": REGION,
        "owner": r"^(me|nobody|[0-9]{1,12})$",
        "at": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$",
    }
    serializer_class = FindingRow
    noted = True

    def make_form(self, data, user):
        return FindingFilterForm(data, user=user)

    def find(self, user, asked: Asked) -> Found:
        found = worklist.make(asked.form, user, asked.size)
        rows = [
            _row(
                row.finding,
                title=row.title,
                suggestion=row.suggestion,
                about=row.line.title,
                number=row.line.number,
                place=row.place,
                seen=row.seen,
                expected=row.expected,
                overdue=row.overdue,
                checked=row.checked,
                subject_page=row.line.url,
            )
            for row in found.rows
        ]
        return Found(found.total, rows)


class OneFinding(OneView):
    operation, title = "findings_one", _("One finding and what was done with it")
    serializer_class = FindingFile

    def find(self, user, asked: Asked, uid):
        finding = views.get(user, uid)
        presenter = presenting.of(finding, user)
        words = presenting.words([finding.rule])[finding.rule]
        is_open = finding.closed_at is None
        return _row(
            finding,
            title=words.title,
            suggestion=words.suggestion,
            about=presenter.title,
            number=presenter.number,
            place=" ".join(name for name in (finding.town_name, finding.village_name) if name),
            seen=presenter.seen,
            expected="" if presenter.secret else presenter.expected,
            overdue=is_open and finding.due_on is not None and finding.due_on < timezone.localdate(),
            checked=bool(actions.was_checked(finding)),
            subject_page=presenter.url,
            steps=[
                {
                    "kind": step["event"].kind,
                    "label": str(step["kind"]),
                    "by": _name(step["event"].by),
                    "to": step["to"],
                    "at": step["event"].at,
                    "verdict": step["event"].verdict or None,
                    "text": step["event"].text,
                }
                for step in views._log(finding, user, presenter)
            ],
        )


urlpatterns = [
    path("findings/", policy(Permission.FINDING_VIEW)(Findings.as_view()), name="findings"),
    path("findings/<uuid:uid>/", policy(Permission.FINDING_VIEW)(OneFinding.as_view()), name="finding"),
]
