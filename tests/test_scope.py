"""Row scope in its three layers, with real commits, as the unprivileged role."""

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.roles import Role
from households.models import Household, Member
from poverty import scope
from tests import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("regions")]
A, B, OTHER = "459901100201", "459901100202", "459902100201"


def raw_count(table: str = "households_household") -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]


def test_without_a_scope_the_database_shows_no_row():
    factories.household(A)
    for table in ("households_household", "households_member", "households_householdyear", "households_householdevent"):
        assert raw_count(table) == 0


def test_forgetting_the_filter_shows_only_the_own_area(make_user):
    factories.household(A)
    factories.household(B)
    cadre = make_user(Role.VILLAGE_CADRE, A)
    with scope.acting(cadre):
        assert raw_count() == 1
        assert raw_count("households_member") == 1
        assert raw_count("households_householdevent") == 1


def test_an_unscoped_queryset_raises_when_it_is_evaluated(make_user):
    with scope.acting(make_user(Role.COUNTY_OFFICE, "459901")):
        for evaluate in (
            list,
            lambda q: q.count(),
            lambda q: q.exists(),
            lambda q: q.update(address="x"),
            lambda q: q.first(),
        ):
            with pytest.raises(scope.Unscoped):
                evaluate(Household.objects.filter(status="04"))
        with pytest.raises(scope.Unscoped):
            Household.objects.aggregate()


def test_each_level_sees_what_lies_under_it(make_user):
    for village in (A, B, "459901101201", OTHER):
        factories.household(village)
    for role, code, seen in (
        (Role.VILLAGE_CADRE, A, 1),
        (Role.TOWN_OFFICE, "459901100", 2),
        (Role.COUNTY_OFFICE, "459901", 3),
        (Role.CITY_OFFICE, "4599", 4),
    ):
        user = make_user(role, code)
        with scope.acting(user):
            assert Household.objects.visible_to(user).count() == raw_count() == seen


def test_a_helper_sees_single_households_only(make_user):
    mine, _other = factories.household(A), factories.household(A)
    helper = make_user(Role.HELPER, households=[mine])
    with scope.acting(helper):
        assert [h.pk for h in Household.objects.visible_to(helper)] == [mine.pk]
        assert raw_count() == 1
        assert Member.objects.visible_to(helper).count() == raw_count("households_member") == 1


def test_two_ranges_show_both_and_nothing_between(make_user):
    for village in (A, B, "459901101201"):
        factories.household(village)
    user = make_user(Role.VILLAGE_CADRE, A)
    lo, hi = scope.code_range("459901101201")
    user.scope.create(lo=lo, hi=hi)
    with scope.acting(user):
        assert Household.objects.visible_to(user).count() == raw_count() == 2


def test_administrators_and_people_without_area_see_nothing(make_user):
    factories.household(A)
    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.DEPARTMENT, Role.COUNTY_OFFICE):
        user = make_user(role, None if role == Role.COUNTY_OFFICE else "459901")
        with scope.acting(user):
            assert raw_count() == 0


def test_writing_into_another_area_is_refused_by_the_database(make_user):
    cadre = make_user(Role.VILLAGE_CADRE, A)
    with pytest.raises(Exception, match="row-level security"), scope.acting(cadre):
        Household.objects.create(village_id=B, household_no="X1")
    other = factories.household(B)
    with scope.acting(cadre), connection.cursor() as cursor:
        cursor.execute("UPDATE households_household SET address = 'mine' WHERE id = %s", [other.pk])
        assert cursor.rowcount == 0


def test_the_scope_ends_with_the_transaction(make_user):
    factories.household(A)
    with scope.acting(make_user(Role.VILLAGE_CADRE, A)):
        assert raw_count() == 1
    assert raw_count() == 0
    with transaction.atomic():
        assert raw_count() == 0


def test_system_scope_inside_a_request_gives_back_the_users_scope(make_user):
    factories.household(A)
    factories.household(B)
    with scope.acting(make_user(Role.VILLAGE_CADRE, A)):
        with scope.system("count all"):
            assert raw_count() == 2
        assert raw_count() == 1
        with pytest.raises(ZeroDivisionError), scope.system("fails"):
            raise ZeroDivisionError
        assert raw_count() == 1


def test_history_follows_the_household_to_its_new_village(make_user):
    moved = factories.household(A)
    with scope.system("move"):
        Household.objects.filter(pk=moved.pk).update(village_id=B)
    with scope.acting(make_user(Role.VILLAGE_CADRE, A)):
        assert raw_count("households_householdevent") == 0
    with scope.acting(make_user(Role.VILLAGE_CADRE, B)):
        assert raw_count("households_householdevent") == 2
        assert raw_count("households_member") == 1


def test_every_history_row_names_who_and_why(make_user):
    made = factories.household(A)
    county = make_user(Role.COUNTY_OFFICE, "459901")
    with scope.acting(county, reason="read from the booklet"):
        Household.objects.visible_to(county).filter(pk=made.pk).update(address="上屯 8 号")
        event = made.events.order_by("-pgh_id").first()
    assert event.pgh_context["username"] == county.username
    assert event.pgh_context["reason"] == "read from the booklet"


def test_raw_sql_and_bulk_loads_leave_history_too():
    made = factories.household(A)
    with scope.system("raw"), connection.cursor() as cursor:
        cursor.execute("UPDATE households_household SET address = '一' WHERE id = %s", [made.pk])
        cursor.execute("SELECT count(*) FROM households_householdevent WHERE pgh_obj_id = %s", [made.pk])
        assert cursor.fetchone() == (2,)


def test_a_child_cannot_have_another_village_than_its_household():
    made = factories.household(A)
    with pytest.raises(Exception, match="member_parent"), scope.system("wrong"):
        Member.objects.create(household=made, village_id=B, person_no="X", name="错")


def test_taken_numbers_are_told_without_place_or_name(make_user):
    other = factories.household(OTHER)
    user = make_user(Role.COUNTY_OFFICE, "459901")
    with scope.acting(user), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM register_numbers_elsewhere(%s, NULL)", [[other.household_no, "none"]])
        assert cursor.fetchall() == [("household", other.household_no)]


@given(st.sampled_from([2, 4, 6, 9, 12]), st.text("0123456789", min_size=15, max_size=15))
def test_a_code_lies_in_the_range_of_exactly_its_prefixes(length, code):
    lo, hi = scope.code_range(code[:length])
    assert lo <= code < hi
    other = str((int(code[:length]) + 1) % 10**length).zfill(length)
    assert not lo <= other + code[length:] < hi
