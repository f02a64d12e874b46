"""Long work of the register."""

from households.analysis import tasks as analysis  # noqa: F401
from households.departments import tasks as departments  # noqa: F401
