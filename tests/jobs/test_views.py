"""My jobs: only mine, live, and to be stopped."""

import pytest
from django.urls import reverse

from accounts.roles import Role
from jobs import engine
from jobs.models import Job, State
from tests.jobs import work  # noqa: F401 - registers the work

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true", "X-Background": "1"}


@pytest.fixture
def clerk(make_user, regions):
    return make_user(Role.COUNTY_OFFICE, "459901")


@pytest.fixture
def job(clerk):
    return engine.enqueue("tests.count", 1, by=clerk, title="导入花名册")


@pytest.fixture
def others_job(make_user, regions):
    return engine.enqueue("tests.count", 2, by=make_user(Role.COUNTY_OFFICE, "459901"), title="别人的工作")


def test_it_shows_my_jobs_and_nobody_elses(client, clerk, job, others_job):
    client.force_login(clerk)
    page = client.get(reverse("jobs:list")).content.decode()
    assert "导入花名册" in page and "别人的工作" not in page
    assert client.get(reverse("jobs:detail", args=[job.uid])).status_code == 200


@pytest.mark.parametrize("name", ["jobs:detail", "jobs:cancel"])
def test_others_jobs_are_not_there(client, clerk, others_job, name):
    client.force_login(clerk)
    ask = client.post if name == "jobs:cancel" else client.get
    assert ask(reverse(name, args=[others_job.uid])).status_code == 404
    assert Job.objects.get(pk=others_job.pk).cancel_asked is False


def test_the_list_asks_again_until_nothing_is_under_way(client, clerk, job):
    client.force_login(clerk)
    url = reverse("jobs:list")
    answer = client.get(url, headers=POLL)
    assert answer.status_code == 200 and "every 2s" in answer.content.decode()
    Job.objects.update(state=State.DONE, link="/exchange/1/")
    answer = client.get(url, headers=POLL)
    assert answer.status_code == 286 and "every 2s" not in answer.content.decode()
    assert "/exchange/1/" in answer.content.decode()


def test_the_line_is_empty_without_work_and_tells_the_end_of_it(client, clerk, job):
    client.force_login(clerk)
    url = reverse("jobs:line")
    Job.objects.update(state=State.RUNNING, stage="读取", progress=40, done_rows=4, total_rows=10)
    page = client.get(url).content.decode()
    assert "读取" in page and "40" in page and "every 2s" in page
    from django.utils import timezone

    Job.objects.update(state=State.DONE, finished_at=timezone.now(), link="/exchange/1/")
    answer = client.get(url, headers=POLL)
    assert answer.status_code == 286 and "/exchange/1/" in answer.content.decode()
    Job.objects.update(finished_at="2020-01-01T00:00Z")
    assert client.get(url).content.decode().strip() == ""


def test_the_line_costs_one_query(client, clerk, job, django_assert_max_num_queries):
    client.force_login(clerk)
    client.get(reverse("jobs:line"))
    with django_assert_max_num_queries(8):  # session, user, savepoints, scope
        client.get(reverse("jobs:line"))


def test_a_waiting_job_is_stopped(client, clerk, job):
    client.force_login(clerk)
    assert client.post(reverse("jobs:cancel", args=[job.uid])).status_code == 302
    assert Job.objects.get().state == State.CANCELLED
    assert client.get(reverse("jobs:cancel", args=[job.uid])).status_code == 405


def test_a_running_job_is_asked_to_stop(client, clerk, job):
    Job.objects.update(state=State.RUNNING)
    client.force_login(clerk)
    client.post(reverse("jobs:cancel", args=[job.uid]), headers={"HX-Request": "true"})
    assert Job.objects.get().cancel_asked is True
