"""Names of what rules look at beside the register's own columns, for rules that staff compose.

What has no name here cannot be chosen there; counts of health stay out, because not everybody sees health.
"""

from django.utils.translation import gettext_lazy as _

LABELS = {
    "CheckedPerson": {
        "has_cert": _("certificate number on file"),
        "works": _("works away or in an enterprise"),
        "age": _("age on the day of the data"),
        "age_now": _("age today"),
        "school_age": _("age on 31 August of the school year"),
        "data_on": _("day of the data"),
    },
    "CheckedHouse": {
        "has_phone": _("telephone on file"),
        "has_card": _("bank card on file"),
        "living": _("members present"),
        "heads": _("heads of household"),
        "spouses": _("spouses of the head"),
        "adults": _("members of 18 and over"),
        "minors": _("members under 18"),
        "over60": _("members of 60 and over"),
        "able": _("members able to work"),
        "workers": _("members who work"),
        "work_months_sum": _("months of work of all members"),
        "students": _("members at school"),
        "dibao_members": _("members with minimum living allowance"),
        "tekun_members": _("members in destitute care"),
        "uninsured": _("members without medical insurance"),
        "dropouts": _("children of 6 to 15 not at school"),
        "pension_members": _("members of 60 and over with pension"),
        "head_age": _("age of the head"),
        "exit_growth_line": _("exit line of the year (yuan)"),
        "national_current_line": _("national line of the year (yuan)"),
        "monitoring_line": _("monitoring range of the year (yuan)"),
    },
}
