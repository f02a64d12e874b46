"""Analysis of the register: poverty measures, multidimensional poverty, causes and measures, risk of return to poverty.

The calculations are `dashboard.analysis`; what of the register goes into them, the pages and the kept models are here.
"""
