"""The register's settings with one page more: the empty view that page times are compared with."""

from poverty.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
