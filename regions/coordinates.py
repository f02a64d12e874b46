"""From the shifted coordinates of Chinese online maps (GCJ-02, BD-09) to WGS-84, which is CGCS2000 for our purposes.

The shift is a published series around a point at 105° E, 35° N, and Baidu turns and moves the result once more; the
inverses are found by iteration (below a centimetre).
Works on numbers and on arrays.
"""

import numpy as np

SEMI_MAJOR_M = 6378245.0  # Krasovsky 1940
ECCENTRICITY_2 = 0.00669342162296594323


def _shift(lon, lat):
    """Return what GCJ-02 adds to a WGS-84 position, in degrees."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    radians = lat / 180.0 * np.pi
    magic = 1 - ECCENTRICITY_2 * np.sin(radians) ** 2
    north = north * 180.0 / (SEMI_MAJOR_M * (1 - ECCENTRICITY_2) / (magic * np.sqrt(magic)) * np.pi)
    east = east * 180.0 / (SEMI_MAJOR_M / np.sqrt(magic) * np.cos(radians) * np.pi)
    return east, north


def gcj02_from_wgs84(lon, lat):
    """Return (longitude, latitude) in GCJ-02, for links to online maps."""
    east, north = _shift(lon, lat)
    return lon + east, lat + north


def wgs84_from_gcj02(lon, lat):
    """Return (longitude, latitude) in WGS-84."""
    guess_lon, guess_lat = lon, lat
    for _step in range(6):
        east, north = _shift(guess_lon, guess_lat)
        guess_lon, guess_lat = lon - east, lat - north
    return guess_lon, guess_lat


def bd09_from_gcj02(lon, lat):
    """Return (longitude, latitude) in BD-09, of a position in GCJ-02."""
    turn = np.pi * 3000.0 / 180.0
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * turn)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * turn)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def wgs84_from_bd09(lon, lat):
    """Return (longitude, latitude) in WGS-84."""
    guess_lon, guess_lat = lon - 0.0065, lat - 0.006
    for _step in range(6):
        found_lon, found_lat = bd09_from_gcj02(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + lon - found_lon, guess_lat + lat - found_lat
    return wgs84_from_gcj02(guess_lon, guess_lat)
