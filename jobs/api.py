"""The API's jobs: one's own long work and how far it is."""

from django import forms
from django.http import Http404
from django.urls import path
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.decorators import policy
from accounts.roles import Permission
from jobs.models import State
from jobs.views import own
from poverty.api import Asked, Found, ListView, OneView, sliced


class Job(serializers.Serializer):
    uid = serializers.UUIDField(help_text=_("key"))
    task = serializers.CharField(help_text=_("task"))
    title = serializers.CharField(help_text=_("title"))
    state = serializers.ChoiceField(State.choices, help_text=_("state"))
    progress = serializers.IntegerField(help_text=_("percent"))
    stage = serializers.CharField(help_text=_("stage"))
    done_rows = serializers.IntegerField(help_text=_("rows done"))
    total_rows = serializers.IntegerField(help_text=_("rows in all"))
    message = serializers.CharField(help_text=_("message"))
    link = serializers.CharField(help_text=_("result page"))
    created_at = serializers.DateTimeField(help_text=_("asked for"))
    started_at = serializers.DateTimeField(allow_null=True, help_text=_("begun"))
    finished_at = serializers.DateTimeField(allow_null=True, help_text=_("ended"))


class JobFilterForm(forms.Form):
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("all")), *State.choices])


class Jobs(ListView):
    operation, title = "jobs_list", _("One's own long work, the newest first")
    form_class = JobFilterForm
    serializer_class = Job

    def find(self, user, asked: Asked) -> Found:
        state = asked.form.cleaned_data["state"]
        found = own(user).filter(state=state) if state else own(user)
        return sliced(found.order_by("-id"), asked)


class OneJob(OneView):
    operation, title = "jobs_one", _("One piece of one's own long work")
    serializer_class = Job

    def find(self, user, asked: Asked, uid):
        found = own(user).filter(uid=uid).first()
        if found is None:
            raise Http404
        return found


urlpatterns = [
    path("jobs/", policy(Permission.SELF_SERVICE)(Jobs.as_view()), name="jobs"),
    path("jobs/<uuid:uid>/", policy(Permission.SELF_SERVICE)(OneJob.as_view()), name="job"),
]
