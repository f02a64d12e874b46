"""Long work of the register."""

from households.departments import tasks as departments  # noqa: F401
