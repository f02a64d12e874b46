"""Reports about the register: county overview, exit results with the population balance, income, causes.

Their numbers are those of the figure engine, as the office of the report's own region sees them; the balance is told by
the register's history (`balance`). Only the exit report can hold single households, and these only for the office that
asks for it.
"""

from django.utils.translation import gettext_noop as _

from households.reports import causes, exits, income, overview
from validation.report.kinds import Kind, declare

OVERVIEW = declare(Kind("overview", 1, _("Overview"), "脱贫攻坚概况报告", overview.make))
EXITS = declare(Kind("exits", 2, _("Exit results"), "脱贫成效报告", exits.make, lists=True))
INCOME = declare(Kind("income", 3, _("Income"), "农户收入分析报告", income.make))
CAUSES = declare(Kind("causes", 4, _("Causes of poverty"), "致贫原因分析报告", causes.make))
