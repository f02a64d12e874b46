"""Log-ins of the sample county: one for each role, with passwords that everybody may know. Never for real data."""

from django.db import transaction
from django.utils import timezone

from accounts import actions
from accounts.models import User
from accounts.roles import Role

# Made up, and good enough for every rule that real passwords must keep.
PASSWORD = "Bamboo-Bridge-72"  # noqa: S105
UNIT = "示例用户"
# user name, name, role, how many digits of the county's, or which of its places
LOG_INS = (
    ("sheng", "省扶贫办", Role.PROVINCE_OFFICE, "province"),
    ("shi", "市扶贫办", Role.CITY_OFFICE, "city"),
    ("xian", "县扶贫办", Role.COUNTY_OFFICE, "county"),
    ("zhen", "镇扶贫站", Role.TOWN_OFFICE, "town"),
    ("cun", "村干部", Role.VILLAGE_CADRE, "village"),
    ("bangfu", "帮扶责任人", Role.HELPER, "households"),
    ("lingdao", "县领导", Role.LEADER, "county"),
    ("jiwei", "县纪委", Role.AUDITOR, "county"),
    ("bumen", "县教育局", Role.DEPARTMENT, "county"),
    ("guanli", "系统管理员", Role.SYSTEM_ADMIN, "county"),
    ("anquan", "安全管理员", Role.SECURITY_ADMIN, "county"),
    ("shenji", "审计管理员", Role.AUDIT_ADMIN, "county"),
    ("jumin", "群众", Role.RESIDENT, "household"),
)


@transaction.atomic
def make_sample_users(county_code: str, households: list[tuple[int, str]] = ()) -> list[User]:
    """Make, or put right again, the sample log-ins of a county; return them.

    `households` are (id, village code): the helper's; the first of them is the resident's own. The town and the village
    of the sample cadres are those of the first household, else the first of the county.
    """
    village = households[0][1] if households else _first(county_code, "village")
    places = {
        "province": county_code[:2],
        "city": county_code[:4],
        "county": county_code,
        "town": village[:9] or _first(county_code, "town"),
        "village": village,
    }
    return [_make(*log_in, places, list(households)) for log_in in LOG_INS]


def _first(county_code: str, level: str) -> str:
    from regions.models import Region

    codes = Region.objects.under(county_code).valid().at(level).order_by("code").values_list("code", flat=True)
    return codes.first() or ""


def _make(username, full_name, role, place, places, households) -> User:
    from regions.models import Region

    region = Region.objects.filter(code=places.get(place, "")).only("code", "name", "level").first()
    pairs = {"households": households, "household": households[:1]}.get(place, [])
    user = User.objects.filter(username=username).first() or User(username=username)
    if user.pk and user.unit != UNIT:
        raise ValueError(f"{username} is a real account: the sample is for an empty installation")
    user.full_name, user.role, user.unit = full_name, role.value, UNIT
    user.is_active, user.must_change_password = True, False
    user.password_changed_at = timezone.now()
    if not user.pk or not user.check_password(PASSWORD):
        user.set_password(PASSWORD)
    user.save()
    actions.write_area(user, region, pairs)
    return user
