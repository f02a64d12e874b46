"""Measures of poverty, inequality and risk: pure calculations over columns, which know no table and no page."""
