"""A sample county with known truth: invented places, families and faults, written as the official spreadsheets.

`households.sample.write.make` writes everything; `python -m households.sample` and `manage.py make_sample` call it.
"""
