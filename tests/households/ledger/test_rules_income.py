"""Rules about income and the monthly ledger: what each finds, and what it must leave alone."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts.models import User
from households.ledger.models import LedgerLine
from households.rules.common import rules
from poverty import scope
from tests.households import factories as make
from tests.households.rule_world import (
    NEXT,
    OTHER_COUNTY,
    OTHER_TOWN,
    Cases,
    adult,
    family,
    look,
    old,
    world_of,
)
from validation.models import Finding, Snapshot, SourceRow

cases = Cases()
SOUND = {
    "wage_yuan": 20_000, "business_yuan": 6000, "property_yuan": 400, "transfer_yuan": 600, "t_eco_yuan": 600, "biz_cost_yuan": 2000,
    "p_asset_yuan": 400, "gross_yuan": 27_000, "net_yuan": 25_000, "net_pc_yuan": 25_000,
}  # fmt: skip
WORKER = {"work_area": "04", "work_months": 10}


def home(*others, head=None, village=NEXT, year=None, before=None, **values):
    """Build a sound household of one worker; `year` changes its figures, `before` gives those of the year before."""

    def build():
        figures = None if year is False else {**SOUND, **(year or {})}
        made = family(*others, head={**WORKER, **(head or {})}, village=village, year=figures or False, **values).house
        if before:
            make.year(made, 2019, **before)
        return made

    return build


def month(text: str) -> dt.date:
    return dt.date.fromisoformat(f"{text}-01")


def write(house, lines: dict, *, at=None, by="system", batch=True):
    """Write ledger lines {"2020-03": {"101": amount or [amounts]}}."""
    from exchange.models import ImportBatch, StoredFile

    with scope.system("test"):
        who = User.objects.get(username=by)
        if batch and not ImportBatch.objects.exists():
            kept = StoredFile.objects.create(name="x", size=1, sha256="x", keep_until=dt.date(2030, 1, 1))
            ImportBatch.objects.create(
                kind="ledger", region_id="459901", file=kept, file_name="x", sha256="x", as_of=dt.date(2020, 12, 31), created_by=who
            )  # fmt: skip
        source = ImportBatch.objects.first() if batch else None
        LedgerLine.objects.bulk_create(
            LedgerLine(
                household=house, village_id=house.village_id, month=month(of), category=category, ordinal=nth,
                amount_yuan=amount, source_batch=source, operator=who, at=at or timezone.now(),
            )
            for of, amounts in lines.items()
            for category, found in amounts.items()
            for nth, amount in enumerate(found if isinstance(found, list) else [found], 1)
        )  # fmt: skip
    return house


def ledger(lines: dict, **more):
    """Build a household with these lines, in a town of its own ledger."""

    def build():
        return write(home(**more)(), lines)

    return build


def each(first: int, last: int, **amounts):
    """Return the lines of the months `first` to `last` of 2020: `c101=2000` is category 101."""
    lines = {name.removeprefix("c"): amount for name, amount in amounts.items()}
    return {f"2020-{number:02}": dict(lines) for number in range(first, last + 1)}


cases.hits(
    "IN-01",
    transfers=home(year={"transfer_yuan": 700}),
    property=home(year={"p_other_yuan": 100}),
    ledger=ledger({"2020-05": {"1": 3000, "101": 2000, "109": 500}}),
    two_fen=home(year={"transfer_yuan": "600.02"}),
)
cases.misses(
    "IN-01",
    sound=home(),
    no_parts=home(year={"t_eco_yuan": None, "p_asset_yuan": None, "transfer_yuan": 900}),
    one_fen=home(year={"transfer_yuan": "600.01"}),
    ledger=ledger({"2020-05": {"1": 2500, "101": 2000, "109": 500}}),
    class_alone=ledger({"2020-05": {"1": 2500}}),
)
cases.hits("IN-02", gross=home(year={"gross_yuan": 28_000}), net=home(year={"net_yuan": 27_000}))
cases.misses("IN-02", sound=home(), without=home(year={"gross_yuan": None, "net_yuan": None}))
cases.hits("IN-03", per_head=home(year={"net_pc_yuan": "25000.51"}), of_two=home(adult("1980-01-01"), year={}))
cases.misses("IN-03", sound=home(), half_a_yuan=home(year={"net_pc_yuan": "25000.50"}))
cases.hits(
    "IN-04",
    negative=home(year={"business_yuan": -1}),
    nothing=home(year={"net_pc_yuan": 0}),
    too_much=home(year={"net_pc_yuan": 100_001}),
)
cases.misses("IN-04", sound=home(), most=home(year={"net_pc_yuan": 100_000}), blank=home(year={"net_pc_yuan": None}))
LOW = {"net_yuan": 3999, "net_pc_yuan": 3999}
cases.hits(
    "IN-05",
    below=home(status="05", year=LOW),
    pension_left_out=home(status="03", year={"net_yuan": 5000, "net_pc_yuan": 5000, "t_pension_yuan": 1100}),
    aid_left_out=ledger(
        {"2020-05": {"40203": 600, "411": 600}}, status="05", year={"net_yuan": 5000, "net_pc_yuan": 5000}
    ),
)
cases.misses(
    "IN-05",
    on_the_line=home(status="05", year={"net_yuan": 4000, "net_pc_yuan": 4000}),
    still_poor=home(status="04", year=LOW),
    aid_of_another_year=ledger({"2020-10": {"40203": 1200}}, status="05", year={"net_yuan": 5000, "net_pc_yuan": 5000}),
)
cases.hits(
    "IN-06",
    exited=home(status="05", year={"net_pc_yuan": 4999}),
    removed=home(status="05", year={"net_pc_yuan": 4999, "mon_type": "UNSTABLE", "risk_removed": True}),
)
cases.misses(
    "IN-06",
    monitored=home(status="05", year={"net_pc_yuan": 4999, "mon_type": "UNSTABLE"}),
    on_the_line=home(status="05", year={"net_pc_yuan": 5000}),
    still_poor=home(status="04", year={"net_pc_yuan": 3000}),
)
cases.hits("IN-07", doubled=home(before={"net_pc_yuan": 12_000}), fallen=home(before={"net_pc_yuan": 40_000}))
cases.misses(
    "IN-07",
    twice=home(before={"net_pc_yuan": 12_500}),
    little=home(year={"net_pc_yuan": 2500}, before={"net_pc_yuan": 1000}),
    by_thirty=home(year={"net_pc_yuan": 7000}, before={"net_pc_yuan": 10_000}),
    alone=home(),
)
cases.hits(
    "IN-08",
    jump=ledger({**each(1, 6, c101=2000), "2020-07": {"101": 6100}}),
    stopped=ledger({**each(1, 4, c101=2000), **each(5, 6, c101=0)}),
)
cases.misses(
    "IN-08",
    three_times=ledger({**each(1, 6, c101=2000), "2020-07": {"101": 6000}}),
    one_month=ledger({**each(1, 4, c101=2000), "2020-05": {"101": 0}, "2020-06": {"101": 2000}}),
    not_entered=ledger({**each(1, 4, c101=2000), **each(5, 7, c601=300)}),
    too_little_known=ledger({**each(5, 6, c101=100), "2020-07": {"101": 6000}}),
    never_any=ledger(each(1, 6, c101=0)),
)
IDLE = {"work_area": None, "work_months": None}
cases.hits(
    "IN-09",
    nobody_works=home(head=IDLE),
    no_wage=home(year={"wage_yuan": 0}),
    wage_blank=home(year={"wage_yuan": None}),
)
cases.misses(
    "IN-09", sound=home(), post=home(head={**IDLE, "post": "护林员"}), neither=home(head=IDLE, year={"wage_yuan": 0})
)
cases.hits(
    "IN-10",
    little=home(year={"wage_yuan": 999}),
    much=home(year={"wage_yuan": 300_001}),
    year_little=home(head=IDLE, year={"wage_yuan": 299}),
)
cases.misses("IN-10", sound=home(), least=home(year={"wage_yuan": 1000}), most=home(year={"wage_yuan": 300_000}))
cases.hits(
    "IN-11",
    no_cost=home(year={"biz_cost_yuan": 0}),
    two_years=home(year={"biz_cost_yuan": 7000}, before={"biz_cost_yuan": 5000, "business_yuan": 4000}),
)
cases.misses(
    "IN-11",
    sound=home(),
    one_year=home(year={"biz_cost_yuan": 7000}, before={"biz_cost_yuan": 3000, "business_yuan": 4000}),
    neither=home(year={"business_yuan": 0, "biz_cost_yuan": 0}),
)
cases.hits("IN-12", nobody=home(year={"t_dibao_yuan": 2400}), nothing=home(head={"dibao": "rural"}))
cases.misses(
    "IN-12",
    both=home(head={"dibao": "rural"}, year={"t_dibao_yuan": 2400}),
    neither=home(),
    no_figures=home(head={"dibao": "rural"}, year=False),
)
cases.hits("IN-13", other_type=home(year={"t_tekun_yuan": 9000}), none=home(household_type="3"))
cases.misses("IN-13", both=home(household_type="3", year={"t_tekun_yuan": 9000}), neither=home())
cases.hits(
    "IN-14",
    dibao=home(year={"t_dibao_yuan": 199}),
    tekun=home(year={"t_tekun_yuan": 199}),
    family=home(year={"t_family_yuan": 99}),
    pension=home(year={"t_pension_yuan": 87}),
)
cases.misses(
    "IN-14",
    zero=home(year={"t_dibao_yuan": 0}),
    least=home(year={"t_dibao_yuan": 200, "t_family_yuan": 100, "t_pension_yuan": 88}),
)
cases.hits(
    "IN-15",
    unpaid=home(old(pension_resident=True, relation="11"), year={"size": 2}),
    too_young=home(year={"t_pension_yuan": 1500}),
)
cases.misses(
    "IN-15",
    both=home(old(pension_resident=True, relation="11"), year={"t_pension_yuan": 1500}),
    not_insured=home(old(relation="11")),
    of_59=home(adult("1961-06-01", pension_resident=True, relation="11")),
)
BARE = {"grain_to_green_mu": 0, "forest_mu": 0}
cases.hits("IN-16", no_land=home(year=BARE), no_mark=home(year={"t_family_yuan": 900}))
cases.misses(
    "IN-16",
    forest=home(year={"grain_to_green_mu": 0}),
    marked=home(only_child=True, year={"t_family_yuan": 900}),
    neither=home(year={**BARE, "t_eco_yuan": 0}),
)


def paid(item: str, amount, *, on="2020-05-10", region="459901", entered=None, sheet=None, village=NEXT):
    """Build a household whose head was paid; `entered` are ledger lines, `sheet` what the year's sheet says."""

    def build():
        house = home(year={"t_eco_yuan": None, "transfer_yuan": None, **(sheet or {})}, village=village)()
        with scope.system("test"):
            who = User.objects.get(username="system")
            snapshot, _made = Snapshot.objects.get_or_create(
                kind="onecard", region_id=region, current=True,
                defaults={"as_of": dt.date(2020, 12, 31), "sender": "财政局", "legal_basis": "x", "sha256": "x",
                          "keep_until": dt.date(2030, 1, 1), "uploaded_by": who},
            )  # fmt: skip
            head = house.members.get()
            if amount is not None:
                SourceRow.objects.create(
                    snapshot=snapshot, region_id=region, uploaded_by=who, sheet="x", row=1, id_index=head.id_index,
                    name=head.name, data={"item": item, "amount_yuan": float(amount), "paid_on": on}, digest="x",
                )  # fmt: skip
        return write(house, entered) if entered else house

    return build


cases.hits(
    "IN-17",
    too_much=paid("04", 1000, sheet={"t_pension_yuan": 1200}),
    nothing_paid=paid("04", None, sheet={"t_pension_yuan": 1200}),
    in_the_ledger=paid("02", 2000, entered={"2020-05": {"402": 2500}}),
    parts_in_the_ledger=paid("02", 2000, entered={"2020-05": {"40201": 2000, "40202": 500}}),
)
cases.misses(
    "IN-17",
    within_ten_percent=paid("04", 2000, sheet={"t_pension_yuan": 2190}),
    within_a_hundred=paid("04", 200, sheet={"t_pension_yuan": 290}),
    item_of_no_list=paid("04", 1000, sheet={"t_pension_yuan": 1000, "t_eco_yuan": 500}),
    paid_in_another_year=paid("04", 5000, on="2019-09-30", entered={"2020-05": {"101": 1}}),
    county_without_a_list=home(village=OTHER_COUNTY, year={"t_pension_yuan": 1200}),
    in_the_ledger=paid("02", 2000, entered={"2020-05": {"402": 1500, "40201": 1500}, "2020-06": {"402": 500}}),
)
cases.hits(
    "IN-18",
    sheet_silent=paid("04", 1000),
    ledger_silent=paid("08", 600, entered={"2020-05": {"101": 2000}}),
)
cases.misses(
    "IN-18",
    in_the_sheet=paid("04", 1000, sheet={"t_pension_yuan": 1000}),
    in_the_ledger=paid("08", 600, entered={"2020-05": {"408": 600}}),
    item_the_sheet_does_not_know=paid("08", 600),
    next_year=paid("04", 1000, on="2020-10-01"),
)
GIVEN = {"transfer_yuan": 20_000, "t_eco_yuan": None, "gross_yuan": 39_000}
cases.hits("IN-19", proposed=home(status="11", year=GIVEN), pre_exit=home(lifecycle="PRE_EXIT", year=GIVEN))
cases.misses(
    "IN-19",
    half=home(status="11", year={**GIVEN, "gross_yuan": 40_000}),
    not_proposed=home(status="04", year=GIVEN),
    without_labour=home(status="11", head={"labour": "04"}, year=GIVEN),
)
FULL = each(6, 11, c101=2000)
cases.hits(
    "IN-20",
    gap=ledger({one: lines for one, lines in FULL.items() if one != "2020-08"}),
    late=ledger(each(6, 10, c101=2000)),
    future=ledger({**FULL, "2021-01": {"101": 2000}}),
    none_where_the_town_keeps_it=home(),
)
cases.misses(
    "IN-20",
    complete=ledger(FULL),
    this_month=ledger({**FULL, "2020-12": {"101": 2000}}),
    town_without_ledger=home(village=OTHER_COUNTY),
    registered_later=ledger(each(11, 11, c101=2000), first_recog_on=dt.date(2020, 11, 5)),
    town_has_stopped=ledger(each(3, 5, c101=2000), village=OTHER_TOWN),
)
cases.hits(
    "IN-21",
    twice=ledger({**FULL, "2020-06": {"601": [365, 365]}}),
    among_three=ledger({"2020-06": {"601": [365, 12, 365]}}),
)
cases.misses(
    "IN-21",
    different=ledger({"2020-06": {"601": [365, 366]}}),
    other_category=ledger({"2020-06": {"601": 365, "602": 365}}),
)


def alike(number: int, lines: dict, **more):
    def build():
        made = [write(home(**more)(), lines) for _each in range(number)]
        return made[0]

    return build


def typed(number: int, seconds: int):
    """Build households that one person types one after the other."""

    def build():
        start = dt.datetime(2020, 8, 3, 9, 0, tzinfo=dt.UTC) + dt.timedelta(days=number * 100 + seconds)
        return [
            write(
                home()(),
                {"2020-07": {"101": 1000 + 7 * nth}},
                at=start + dt.timedelta(seconds=seconds * nth),
                batch=False,
            )
            for nth in range(number)
        ][number // 2]

    return build


cases.hits("IN-22", five=alike(5, {"2020-04": {"201": 812, "601": 411}}), hurried=typed(21, 29))
cases.misses(
    "IN-22",
    four=alike(4, {"2020-04": {"201": 813, "601": 411}}),
    same_transfer=alike(6, {"2020-04": {"404": 103}}),
    nothing_at_all=alike(6, {"2020-04": {"101": 0}}),
    twenty=typed(20, 29),
    slowly=typed(22, 31),
)
cases.hits(
    "IN-23",
    on_the_line=home(year={"net_yuan": 4000, "net_pc_yuan": 4000}),
    five_percent=home(year={"net_yuan": 4200, "net_pc_yuan": 4200}),
)
cases.misses(
    "IN-23",
    above=home(year={"net_yuan": 4201, "net_pc_yuan": 4201}),
    below=home(year={"net_yuan": 3999, "net_pc_yuan": 3999}),
)

world = world_of(cases, groups=("IN",))


@pytest.mark.parametrize(("at", "rule", "hit"), cases.params())
def test_a_rule_finds_what_it_should_and_leaves_the_rest(world, at, rule, hit):
    assert (look(world, at, rule) is not None) is hit


def test_every_rule_of_the_group_is_declared_and_has_a_case(world):
    ours = {one for one in rules if rules[one].group == "IN"}
    assert ours == {f"IN-{number:02}" for number in range(1, 24)}
    assert ours == {rule for rule, hit, _words, _build in cases.found if hit}


def found(world, rule: str, words: str) -> Finding:
    at = next(at for at, (of, hit, name, _build) in enumerate(cases.found) if (of, hit, name) == (rule, True, words))
    return look(world, at, rule)


def test_a_finding_names_the_amounts_the_year_and_the_line(world):
    below = found(world, "IN-05", "pension_left_out")
    assert (below.seen, below.expected) == ("3900.00（退出测算收入，2020年度）", "≥ 4000（6%增长线，2020年）")
    assert found(world, "IN-20", "gap").seen == "漏月：2020-08"
    assert found(world, "IN-20", "future").seen == "超前：2021-01"
    assert found(world, "IN-17", "too_much").seen == "养老保险金：登记1200，发放1000"
    assert found(world, "IN-08", "jump").seen == "2020-07工资6100，前6月中位数2000"
    assert found(world, "IN-21", "twice").seen == "2020-06 食品支出"
