"""The administrative tree: provinces, cities, counties, towns, villages, hamlets (DOMAIN: 行政区划)."""

from django.contrib.gis.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from poverty import scope

LEVEL_LENGTHS = {"province": 2, "city": 4, "county": 6, "town": 9, "village": 12, "hamlet": 15}


class Level(models.TextChoices):
    PROVINCE = "province", _("province")
    CITY = "city", _("city")
    COUNTY = "county", _("county")
    TOWN = "town", _("town")
    VILLAGE = "village", _("village")
    HAMLET = "hamlet", _("hamlet")


class RegionQuerySet(models.QuerySet):
    def under(self, code: str):
        """Keep the region `code` and everything below it."""
        return self.filter(scope.under("code", code))

    def in_area_of(self, user):
        """Keep what lies in the area of `user`; ancestors are not in it."""
        return self.filter(scope.village_range("code", user))

    def valid(self):
        return self.filter(valid_to__isnull=True)

    def at(self, level: str):
        return self.filter(level=level)


class Region(models.Model):
    """A region. Its key is the official code cut to its level's length (2/4/6/9/12, hamlets 15), collation C.

    Ancestors are prefixes. Divisions are merged and renamed: `valid_to` and `successor` say so; codes stay.
    `boundary` and `centroid` are EPSG:4326.
    """

    code = models.CharField(_("code"), max_length=15, primary_key=True, db_collation="C")
    name = models.CharField(pgettext_lazy("region", "name"), max_length=100)
    short_name = models.CharField(_("short name"), max_length=100, blank=True)
    level = models.CharField(_("level"), max_length=10, choices=Level.choices)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    successor = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, db_index=False, related_name="+", verbose_name=_("successor")
    )
    boundary = models.MultiPolygonField(_("boundary"), null=True, blank=True, spatial_index=False)
    centroid = models.PointField(_("centroid"), null=True, blank=True, spatial_index=False)

    objects = RegionQuerySet.as_manager()

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ["code"]
        # No index on the name: it is looked for inside an area, a range of the key; loading would take twice as long.
        constraints = [
            # The level comes first and villages before all: 620,000 rows are checked at a load of the country.
            models.CheckConstraint(
                name="region_code_fits_level",
                condition=(Q(level="village") & Q(code__regex=r"^[0-9]{12}$"))
                | (Q(level="province") & Q(code__regex=r"^[0-9]{2}$"))
                | (Q(level="city") & Q(code__regex=r"^[0-9]{4}$"))
                | (Q(level="county") & Q(code__regex=r"^[0-9]{6}$"))
                | (Q(level="town") & Q(code__regex=r"^[0-9]{9}$"))
                | (Q(level="hamlet") & Q(code__regex=r"^[0-9]{15}$")),
            ),
            models.CheckConstraint(
                name="region_succeeds_another", condition=Q(successor__isnull=True) | ~Q(successor=F("code"))
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def parent_code(self) -> str:
        lengths = list(LEVEL_LENGTHS.values())
        position = lengths.index(len(self.code))
        return self.code[: lengths[position - 1]] if position else ""

    def ancestor_codes(self) -> list[str]:
        """Return the codes above this one, from the province down."""
        return [self.code[:length] for length in LEVEL_LENGTHS.values() if length < len(self.code)]


class RegionAlias(models.Model):
    """Another name under which a region stands in sheets: an old name, or an answer given to the mapping queue."""

    parent = models.CharField(_("parent code"), max_length=15, db_collation="C")
    name = models.CharField(pgettext_lazy("region", "name"), max_length=100)
    region = models.ForeignKey(Region, models.CASCADE, db_index=False, related_name="aliases")

    class Meta:
        verbose_name = _("region alias")
        verbose_name_plural = _("region aliases")
        constraints = [models.UniqueConstraint(fields=["parent", "name"], name="regionalias_once")]


class VillageProfile(models.Model):
    """Official facts of a village, beside the register: all households, not only the registered ones."""

    village = models.OneToOneField(
        Region, models.CASCADE, primary_key=True, db_column="village", related_name="profile", verbose_name=_("village")
    )
    total_households = models.PositiveIntegerField(_("households in all"), null=True, blank=True)
    total_population = models.PositiveIntegerField(_("population in all"), null=True, blank=True)
    rural_population = models.PositiveIntegerField(_("rural registered population"), null=True, blank=True)
    poor_village = models.BooleanField(_("poor village"), null=True, blank=True)
    broadband = models.BooleanField(_("broadband"), null=True, blank=True)
    year = models.PositiveSmallIntegerField(_("year"), null=True, blank=True)

    class Meta:
        verbose_name = _("village profile")
        verbose_name_plural = _("village profiles")
