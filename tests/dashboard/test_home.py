"""The home page: every number is the list's, nothing of other areas, and few queries."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from dashboard import board as boards
from dashboard import counts
from households.forms import HouseholdFilterForm
from households.models import Household
from poverty import scope, waiting
from tests.dashboard.conftest import FOREIGN_VILLAGE, NEXT_VILLAGE, THIRD_VILLAGE, TOWN, VILLAGE, add_household

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/"


def listed(user, url: str) -> int:
    """Return how many households the list behind a link holds."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    form = HouseholdFilterForm(query)
    assert form.is_valid(), form.errors
    with scope.acting(user):
        return form.filter(Household.objects.visible_to(user).in_register(), user).count()


def numbers_of(board):
    """Yield every (link, number) that the page shows."""
    yield board.totals["url"], board.totals["households"]
    yield board.totals["unplaced_url"], board.totals["unplaced"]
    for group in board.groups:
        for bar in group["bars"]:
            yield bar.url, bar.count
    for child in board.children:
        yield child.url, child.households
        yield f"{child.url}&unplaced=1", child.unplaced


@pytest.mark.parametrize(
    ("role", "area", "asked"),
    [
        ("province_office", "45", ""),
        ("city_office", "4599", ""),
        ("county_office", "459901", ""),
        ("county_office", "459901", TOWN),
        ("county_office", "459901", THIRD_VILLAGE),
        ("town_office", TOWN, ""),
        ("village_cadre", VILLAGE, ""),
    ],
)
def test_every_number_is_the_count_of_the_list_behind_it(register, make_user, role, area, asked):
    user = make_user(role, area)
    with scope.acting(user):
        board = boards.make(user, asked, "/")
    pairs = list(numbers_of(board))
    assert len(pairs) > 6
    assert [(url, number) for url, number in pairs if listed(user, url) != number] == []
    for group in board.groups:
        assert sum(bar.count for bar in group["bars"]) == board.totals["households"]


def test_a_helper_is_counted_the_own_households_only(register, make_user):
    user = make_user("helper", households=[register[0], register[6]])
    with scope.acting(user):
        board = boards.make(user, "", "/")
    assert board.totals["households"] == 2
    assert board.totals["persons"] == 6
    assert board.children == []
    urls = [(board.totals["url"], 2)] + [(bar.url, bar.count) for group in board.groups for bar in group["bars"]]
    assert [(url, number) for url, number in urls if listed(user, url) != number] == []


def test_somebody_with_two_villages_of_one_town_sees_the_sum_of_both(register, make_user):
    user = make_user("village_cadre")
    for code in (VILLAGE, NEXT_VILLAGE):
        lo, hi = scope.code_range(code)
        user.scope.create(lo=lo, hi=hi)
    with scope.acting(user):
        board = boards.make(user, "", "/")
    assert board.code == TOWN
    assert board.totals["households"] == 5
    assert {child.code: child.households for child in board.children} == {VILLAGE: 3, NEXT_VILLAGE: 2}


@pytest.mark.parametrize(
    ("role", "region", "areas", "code", "households"),
    [
        ("village_cadre", VILLAGE, (VILLAGE, THIRD_VILLAGE), "459901", 5),
        ("town_office", TOWN, (TOWN, FOREIGN_VILLAGE), "4599", 6),
        ("county_office", "459901", ("459901", "459902"), "4599", 8),
        ("village_cadre", None, (VILLAGE, FOREIGN_VILLAGE), "4599", 4),
    ],
)
def test_somebody_with_more_than_the_own_region_gets_the_figures_of_all_of_it(
    client, register, make_user, role, region, areas, code, households
):
    """The figures were those of the region that stands at the account; the list showed the other ranges too."""
    user = make_user(role, region)
    user.scope.all().delete()
    for area in areas:
        lo, hi = scope.code_range(area)
        user.scope.create(lo=lo, hi=hi)
    for number in range(2):
        with scope.acting(user):
            board = boards.make(user, "", "/")
        assert (board.code, board.totals["households"]) == (code, households + number)
        assert [(url, found) for url, found in numbers_of(board) if listed(user, url) != found] == []
        client.force_login(user)
        page = client.get(reverse("households:list")).context
        assert page["households"] == len(page["rows"]) == households + number
        # Changed in the range that is not the account's own region, and nobody has counted it since.
        village = {"459902": FOREIGN_VILLAGE}.get(areas[1], areas[1])
        add_household(village, f"late{number}", "04", members=1)
        assert client.get(reverse("households:list")).context["households"] == households + number + 1


def test_households_without_position_stand_on_the_page_once(client, register, make_user):
    client.force_login(make_user("county_office", "459901"))
    assert client.get(URL).text.count('unplaced=1"><strong>') == 1
    client.force_login(make_user("village_cadre", VILLAGE))
    page = client.get(URL)
    assert page.text.count('unplaced=1"><') == 1 and not [
        card for card in page.context["waiting"] if "unplaced" in card.url
    ]


def test_the_share_leaves_out_villages_whose_households_are_not_known(register, make_user):
    user = make_user("county_office", "459901")
    with scope.acting(user):
        board = boards.make(user, "", "/")
    assert board.totals["total"] == 40
    assert board.totals["share"] == 5 / 40
    shares = {child.code: (child.share, child.rank) for child in board.children}
    assert shares == {TOWN: (5 / 40, 1), "459901101": (None, None)}


def test_it_shows_what_was_saved_a_moment_ago(client, register, make_user):
    client.force_login(make_user("county_office", "459901"))
    assert client.get(URL).context["board"].totals["households"] == 7
    add_household(VILLAGE, "new", "04")
    assert client.get(URL).context["board"].totals["households"] == 8


@pytest.mark.parametrize("asked", ["459902", FOREIGN_VILLAGE, "4599", "45", "999999", "x", "459901100999"])
def test_another_area_is_not_found(client, register, make_user, asked):
    client.force_login(make_user("county_office", "459901"))
    assert client.get(URL, {"area": asked}).status_code == 404


def test_a_cadre_is_told_nothing_of_the_neighbours(client, register, make_user):
    client.force_login(make_user("village_cadre", VILLAGE))
    response = client.get(URL)
    assert response.context["board"].totals["households"] == 3
    assert NEXT_VILLAGE not in response.text
    assert "竹坪村" not in response.text
    assert client.get(URL, {"area": NEXT_VILLAGE}).status_code == 404


def test_a_leader_sees_figures_without_links_to_households(client, register, make_user):
    client.force_login(make_user("leader", "459901"))
    response = client.get(URL)
    assert response.context["board"].totals["households"] == 7
    assert f"{reverse('households:list')}?" not in response.text


@pytest.mark.parametrize("role", ["department", "system_admin", "security_admin", "audit_admin"])
def test_who_sees_no_figures_gets_the_own_tasks(client, register, make_user, role):
    client.force_login(make_user(role, "459901"))
    response = client.get(URL)
    assert response.status_code == 200
    assert response.context["board"] is None
    assert client.get(URL, {"area": "459901"}).status_code == 404


def test_an_empty_register_says_what_to_do(client, mapped, make_user):
    client.force_login(make_user("county_office", "459901"))
    assert reverse("exchange:list") in client.get(URL).text
    client.force_login(make_user("village_cadre", VILLAGE))
    assert reverse("exchange:list") not in client.get(URL).text


def test_a_drill_answers_with_the_board_alone(client, register, make_user):
    client.force_login(make_user("county_office", "459901"))
    part = client.get(URL, {"area": TOWN}, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert part.context["board"].code == TOWN
    back = client.get(URL, {"area": TOWN}, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in back.text
    assert "HX-Request" in back.headers["Vary"]


def test_it_asks_few_queries_however_many_households(client, register, make_user, django_assert_max_num_queries):
    client.force_login(make_user("county_office", "459901"))
    client.get(URL)
    # Session, user, scope in and out, area; then marks, sums, regions, imports, proposals.
    with django_assert_max_num_queries(15):
        client.get(URL)


def test_no_style_or_script_stands_in_the_page(client, register, make_user):
    client.force_login(make_user("county_office", "459901"))
    text = client.get(URL).text
    assert " style=" not in text
    assert "<style" not in text
    assert all("src=" in part[:200] or "application/json" in part[:80] for part in text.split("<script")[1:])


def test_cards_are_asked_of_those_who_may(monkeypatch):
    monkeypatch.setattr(waiting, "providers", [])
    waiting.provider("yes.view")(lambda user, totals: waiting.Card("one", 1))
    waiting.provider("no.view")(lambda user, totals: waiting.Card("never", 2))
    waiting.provider("yes.view")(lambda user, totals: [waiting.Card("two", 2), waiting.Card("three", 3)])
    waiting.provider("yes.view")(lambda user, totals: None)
    user = SimpleNamespace(may=lambda permission: permission == "yes.view")
    assert [card.count for card in waiting.cards(user, None)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("shares", "limits"),
    [
        ([], []),
        ([0.12], [(0.12, 0.125)]),
        ([0.05, 0.34], [(0.05, 0.1), (0.1, 0.15), (0.15, 0.2), (0.2, 0.25), (0.25, 0.3), (0.3, 0.35)]),
        ([0.0, 1.0], [(0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0), (1.0, 1.2)]),
    ],
)
def test_the_classes_of_the_map_have_round_limits(shares, limits):
    assert boards.classes(shares) == limits


def test_declaring_the_register_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        counts.declare(counts.register())
