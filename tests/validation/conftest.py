"""Log-ins for the pages of findings: those of the register's."""

from tests.households.conftest import auditor, cadre, county, login, town  # noqa: F401 - fixtures come by import
