"""A status corrected by hand, and the life cycle that does not follow by itself."""

import pytest
from django.urls import reverse

from tests.households import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_page_says_that_status_and_life_cycle_differ_and_the_county_lets_it_follow(county, cadre, regions):
    household = make.household(status="05", lifecycle="POOR")
    url = reverse("households:lifecycle", args=[household.uid])
    page = county.get(household.get_absolute_url())
    assert page.context["lifecycle"] and f'action="{url}"' in page.text
    seen = cadre.get(household.get_absolute_url())
    assert seen.context["lifecycle"] and f'action="{url}"' not in seen.text
    assert cadre.post(url, {"reason": "县级批复"}).status_code == 403
    county.post(url, {"reason": ""})
    assert make.fresh(household).lifecycle == "POOR"
    assert county.post(url, {"reason": "县级批复"}).status_code == 302
    assert make.fresh(household).lifecycle == "EXITED"
    assert not county.get(household.get_absolute_url()).context["lifecycle"]
    entry = county.get(reverse("households:history", args=[household.uid])).context["page"].object_list[0]
    assert (entry.origin.reason, len(entry.changes)) == ("县级批复", 1)
    version = make.fresh(household).version
    county.post(url, {"reason": "again"})
    assert make.fresh(household).version == version


@pytest.mark.parametrize(("status", "lifecycle"), [("04", "POOR"), (None, "POOR"), ("99", "POOR"), ("05", "EXITED")])
def test_nothing_is_said_where_they_agree_or_the_status_says_nothing(county, regions, status, lifecycle):
    household = make.household(status=status, lifecycle=lifecycle)
    assert not county.get(household.get_absolute_url()).context["lifecycle"]
