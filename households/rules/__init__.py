"""Data rules over the register, by group; each module declares its rules for the validation engine."""

from households.rules import consistency, identity, income, matching, structure  # noqa: F401
