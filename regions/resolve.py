"""Find a village by the names in a sheet: top-down, by alias within the parent, never by guess."""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field

from regions.models import Region, RegionAlias

VILLAGE_ENDINGS = re.compile(r"((村|社区)?(村民委员会|村民委|村委会|居民委员会|居委会)|社区|行政村|村)$")
TOWN_ENDINGS = re.compile(r"(街道办事处|街道|民族乡|镇人民政府|乡人民政府|镇|乡)$")
COUNTY_ENDINGS = re.compile(r"(各族自治县|自治县|县|区|市|旗)$")


def plain(name: str | None) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", name or ""))


def bare(name: str | None, endings: re.Pattern) -> str:
    """Return the name without its class word; a name that is nothing but a class word stays."""
    text = plain(name)
    return endings.sub("", text) or text


@dataclass(frozen=True)
class Found:
    """`code` is the village, "" when none was found. `exact`: the name was written as the tree has it.

    `outside`: the names lead to another county.
    `candidates` are [(code, path)] to choose from, for the question that is then asked.
    """

    code: str = ""
    exact: bool = True
    outside: bool = False  # the county is a known one, but not the importer's
    candidates: list[tuple[str, str]] = field(default_factory=list)


class Resolver:
    """Resolves names against the valid tree; reads it once for the counties at hand."""

    def __init__(self, area: str, answers: dict[str, str] | None = None):
        self.area = area
        self.answers = answers or {}
        self._elsewhere: dict[str, bool] = {}
        top = area[:6] if len(area) >= 6 else area
        regions = list(
            Region.objects.under(top)
            .valid()
            .filter(level__in=["county", "town", "village"])
            .values_list("code", "name")
        )
        self.names = dict(regions)
        self.towns = defaultdict(set)
        self.villages = defaultdict(set)
        self.counties = defaultdict(set)
        for code, name in regions:
            if len(code) == 12:
                self.villages[bare(name, VILLAGE_ENDINGS)].add(code)
            elif len(code) == 9:
                self.towns[bare(name, TOWN_ENDINGS)].add(code)
            else:
                self.counties[bare(name, COUNTY_ENDINGS)].add(code)
        self.aliases = defaultdict(set)
        for parent, name, code in RegionAlias.objects.filter(region__code__startswith=top).values_list(
            "parent", "name", "region_id"
        ):
            self.aliases[(parent, plain(name))].add(code)

    @staticmethod
    def question(county: str | None, town: str | None, village: str | None) -> str:
        return f"region:{plain(county)}|{plain(town)}|{plain(village)}"[:300]

    def find(self, county: str | None, town: str | None, village: str | None) -> Found:
        """Return the village; nothing in its cell gives nothing, except where the area is itself one village."""
        answered = self.answers.get(self.question(county, town, village))
        if answered:
            return Found(answered if answered in self.names else "", True)
        if not plain(village):
            return Found(self.area if len(self.area) == 12 else "")
        towns = self.towns.get(bare(town, TOWN_ENDINGS), set()) | self.aliases.get((self.area[:6], plain(town)), set())
        counties = self.counties.get(bare(county, COUNTY_ENDINGS), set())
        codes = set(self.villages.get(bare(village, VILLAGE_ENDINGS), ()))
        for parent in towns:
            codes |= {code for code in self.aliases.get((parent, plain(village)), ()) if len(code) == 12}
        everywhere = codes
        if plain(town):
            codes = {code for code in codes if code[:9] in towns}
        if plain(county):
            codes = {code for code in codes if code[:6] in counties}
            if not counties and self._another_county(plain(county)):
                return Found(outside=True)
        if len(codes) > 1:
            inside = {code for code in codes if code.startswith(self.area)}
            codes = inside if len(inside) == 1 else codes
        if len(codes) > 1:
            # A village and a community of one stem: the name as written tells them apart.
            same = {code for code in codes if plain(self.names[code]) == plain(village)}
            codes = same if len(same) == 1 else codes
        if len(codes) == 1:
            (code,) = codes
            return Found(code, self._exact(code, county, town, village))
        offered = sorted(codes or everywhere)[:10]
        return Found(candidates=[(code, self.path(code)) for code in offered])

    def _another_county(self, name: str) -> bool:
        if name not in self._elsewhere:
            self._elsewhere[name] = Region.objects.at("county").filter(name=name).exists()
        return self._elsewhere[name]

    def _exact(self, code: str, county, town, village) -> bool:
        def same(written, known):
            return not plain(written) or plain(written) == plain(known)

        return (
            same(village, self.names[code])
            and same(town, self.names.get(code[:9]))
            and same(county, self.names.get(code[:6]))
        )

    def path(self, code: str) -> str:
        return " ".join(self.names[part] for part in (code[:6], code[:9], code) if part in self.names)
