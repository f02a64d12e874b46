"""The invented county or city: its tree of regions, its map, and how many households live where.

Everything follows from one Voronoi diagram of village seats: towns, counties and the city are unions of villages, so
borders fit at every level. Borders are made to look grown: each edge is roughened by a function of its own two end
points, which both neighbours share, and the whole map is bent smoothly.
"""

import math
import random
from collections import defaultdict
from dataclasses import dataclass, field

import shapely
from shapely.geometry import MultiPoint, Polygon

from households.sample import names

CENTRE_LON, CENTRE_LAT = 107.6, 23.6
KM_PER_DEGREE = 111.2
KM_PER_DEGREE_LON = KM_PER_DEGREE * math.cos(math.radians(CENTRE_LAT))
VILLAGE_KM2 = 15.0
TOWNS, TOWNSHIPS = 7, 5  # per county: 镇 and 乡
VILLAGES_PER_COUNTY = 150
CITY_FROM = 20_000  # households from which the sample is a city of 12 counties
DECIMALS = 5


@dataclass(slots=True)
class Region:
    """A place of the tree; `boundary` is in degrees (EPSG:4326) with 5 decimals."""

    code: str
    name: str
    level: str  # city, county, town, village
    boundary: object = None


@dataclass(slots=True)
class Village(Region):
    """A village: seat and hamlets in degrees, the shares and counts of its profile."""

    seat: tuple[float, float] = (0.0, 0.0)
    hamlets: list[tuple[str, float, float]] = field(default_factory=list)
    path: tuple[str, ...] = ()  # names from province to village
    households: int = 0  # in the register
    total_households: int = 0
    total_population: int = 0
    share: float = 0.0  # of registered among all households
    poor: bool = False


@dataclass(slots=True)
class Map:
    """Everything the other files need of the geography; lists in the order of codes."""

    city: Region
    counties: list[Region]
    towns: list[Region]
    villages: list[Village]


def build(households: int, seed: int) -> Map:
    """Return the map for a register of `households`; the same arguments give the same map."""
    rng = random.Random(f"{seed}/map")
    county_count = 12 if households >= CITY_FROM else 1
    seats, cells = _cells(rng, county_count * VILLAGES_PER_COUNTY)
    county_of = _group(rng, seats, cells, county_count)
    # The first county is the one in the middle, the others follow by their direction from it.
    counties = _ordered(seats, county_of, county_count)
    result = Map(Region(names.CITY_CODE, names.CITY, "city"), [], [], [])
    for number, members in enumerate(counties, 1):
        county = Region(f"{names.CITY_CODE}{number:02}", names.COUNTIES[number - 1], "county")
        result.counties.append(county)
        _fill_county(rng, result, county, members, seats, cells)
    _profiles(rng, result.villages, households)
    for level, parents in (("town", result.towns), ("county", result.counties), ("city", [result.city])):
        children = {"town": result.villages, "county": result.towns, "city": result.counties}[level]
        for parent in parents:
            parent.boundary = _union([c.boundary for c in children if c.code.startswith(parent.code)])
    return result


def position(rng: random.Random, village: Village, hamlet: int) -> tuple[float, float]:
    """Return longitude and latitude of a house near the hamlet, inside the village."""
    _name, lon, lat = village.hamlets[hamlet]
    for _attempt in range(20):
        x = round(lon + rng.gauss(0, 0.25) / KM_PER_DEGREE_LON, 6)
        y = round(lat + rng.gauss(0, 0.25) / KM_PER_DEGREE, 6)
        if shapely.contains_xy(village.boundary, x, y):
            return x, y
    return lon, lat


# --- the diagram -------------------------------------------------------------------------------------------------


def _cells(rng: random.Random, count: int):
    """Return `count` seats (km) inside an irregular outline, and their roughened cells in degrees."""
    radius = math.sqrt(count * VILLAGE_KM2 / math.pi)
    waves = [(k, rng.uniform(0.05, 0.16) / math.sqrt(k), rng.uniform(0, 2 * math.pi)) for k in (2, 3, 4, 5, 7)]

    def inside(x, y):
        angle = math.atan2(y, x)
        return math.hypot(x, y) < radius * (1 + sum(a * math.sin(k * angle + shift) for k, a, shift in waves))

    # A ring of seats around the outline gives the cells at the border their outer edges.
    reach = radius * 1.45 + 12
    points = []
    for _point in range(int(math.pi * reach * reach / VILLAGE_KM2)):
        angle, distance = rng.uniform(0, 2 * math.pi), reach * math.sqrt(rng.random())
        points.append((distance * math.cos(angle), distance * math.sin(angle)))
    for _round in range(2):  # evens out the sizes; more rounds would draw honeycombs
        diagram = _voronoi(points)
        points = [
            (cell.centroid.x, cell.centroid.y) if math.hypot(x, y) < reach * 0.97 else (x, y)
            for cell, (x, y) in zip(diagram, points, strict=True)
        ]
    kept = sorted(range(len(points)), key=lambda i: (not inside(*points[i]), math.hypot(*points[i])))[:count]
    diagram = _voronoi(points)
    bends = [(rng.uniform(0.7, 1.6), rng.uniform(18, 45), rng.uniform(0, 7), rng.uniform(0, 7)) for _bend in range(4)]
    for roughness in (0.2, 0.14, 0.08, 0.0):
        cells = [_grown(diagram[i], roughness, bends) for i in kept]
        if all(cell.is_valid for cell in cells) and _fit(cells):
            return [points[i] for i in kept], cells
    raise AssertionError("straight borders always fit")


def _voronoi(points) -> list[Polygon]:
    return list(shapely.voronoi_polygons(MultiPoint(points), ordered=True).geoms)


def _fit(cells) -> bool:
    """Return whether no two cells overlap: then the areas add up to the area of the union."""
    area = sum(cell.area for cell in cells)
    return abs(area - shapely.unary_union(cells).area) < area * 1e-9


def _grown(cell: Polygon, roughness: float, bends) -> Polygon:
    """Return a cell (km) with roughened edges, bent, in degrees."""
    corners = [(round(x, 3), round(y, 3)) for x, y in cell.exterior.coords]
    ring = []
    for a, b in zip(corners, corners[1:], strict=False):
        if a == b:
            continue
        first, last = min(a, b), max(a, b)
        edge = _rough(first, last, roughness, random.Random(repr((first, last))))
        points = [first, *edge] if first == a else [last, *reversed(edge)]
        ring.extend(_degrees(*point, bends) for point in points)
    return Polygon(ring)


def _rough(a, b, roughness: float, rng: random.Random) -> list[tuple[float, float]]:
    """Return the points between a and b (km): midpoints pushed sideways, again and again, to about 400 m."""
    length = math.dist(a, b)
    if length < 0.8:
        return []
    push = rng.uniform(-1, 1) * roughness
    middle = ((a[0] + b[0]) / 2 - push * (b[1] - a[1]), (a[1] + b[1]) / 2 + push * (b[0] - a[0]))
    return [*_rough(a, middle, roughness, rng), middle, *_rough(middle, b, roughness, rng)]


def _degrees(x: float, y: float, bends) -> tuple[float, float]:
    """Return a point of the plane (km) bent and as longitude and latitude."""
    bent_x = x + sum(size * math.sin(y / wave * 2 * math.pi + shift) for size, wave, shift, _other in bends)
    bent_y = y + sum(size * math.sin(x / wave * 2 * math.pi + shift) for size, wave, _other, shift in bends)
    lon = CENTRE_LON + bent_x / KM_PER_DEGREE_LON
    return round(lon, DECIMALS), round(CENTRE_LAT + bent_y / KM_PER_DEGREE, DECIMALS)


def _union(boundaries) -> Polygon:
    """Return the union of neighbours; their common edges are the same points, so nothing is left between them."""
    union = shapely.unary_union(boundaries)
    assert union.geom_type == "Polygon", "a region lies in one piece"
    return union


# --- grouping ----------------------------------------------------------------------------------------------------


def _group(rng: random.Random, seats, cells, count: int) -> list[int]:
    """Return the group, 0 to `count` - 1, of every seat: compact groups of about one size, each in one piece."""
    if count == 1:
        return [0] * len(seats)
    centres = [seats[i] for i in _spread(rng, seats, count)]
    weights = [0.0] * count
    target = len(seats) / count
    group = []
    for _round in range(60):
        # A group that is too large gets a handicap: its border moves inwards.
        group = [
            min(range(count), key=lambda g: (x - centres[g][0]) ** 2 + (y - centres[g][1]) ** 2 + weights[g])
            for x, y in seats
        ]
        members = defaultdict(list)
        for seat, g in zip(seats, group, strict=True):
            members[g].append(seat)
        for g in range(count):
            found = members[g] or [centres[g]]
            centres[g] = (sum(x for x, _ in found) / len(found), sum(y for _, y in found) / len(found))
            weights[g] += (len(members[g]) - target) / target * VILLAGE_KM2 * target * 0.02
    return _in_one_piece(cells, group)


def _spread(rng: random.Random, seats, count: int) -> list[int]:
    """Return `count` seats far from each other."""
    chosen = [rng.randrange(len(seats))]
    nearest = [math.dist(seat, seats[chosen[0]]) for seat in seats]
    while len(chosen) < count:
        chosen.append(max(range(len(seats)), key=nearest.__getitem__))
        nearest = [min(old, math.dist(seat, seats[chosen[-1]])) for old, seat in zip(nearest, seats, strict=True)]
    return chosen


def _in_one_piece(cells, group: list[int]) -> list[int]:
    """Give cells that are cut off from their group to the neighbouring group with the longest common border."""
    neighbours = _neighbours(cells)
    for _round in range(10):
        stray = []
        for g in sorted(set(group)):
            pieces = _pieces([i for i, found in enumerate(group) if found == g], neighbours)
            stray += [i for piece in sorted(pieces, key=len)[:-1] for i in piece]
        if not stray:
            return group
        for i in stray:
            borders = defaultdict(float)
            for j, length in neighbours[i].items():
                if group[j] != group[i]:
                    borders[group[j]] += length
            if borders:
                group[i] = max(sorted(borders), key=borders.__getitem__)
    raise AssertionError("groups came to lie in one piece")


def _neighbours(cells) -> list[dict[int, float]]:
    """Return for every cell {neighbour: length of the common border}; a shared corner is no border."""
    shared = defaultdict(list)
    for i, cell in enumerate(cells):
        ring = list(cell.exterior.coords)
        for a, b in zip(ring, ring[1:], strict=False):
            shared[min(a, b), max(a, b)].append(i)
    found = [{} for _cell in cells]
    for (a, b), owners in shared.items():
        if len(owners) == 2:
            i, j = owners
            found[i][j] = found[j][i] = found[i].get(j, 0.0) + math.dist(a, b)
    return found


def _pieces(members: list[int], neighbours) -> list[list[int]]:
    left, pieces = set(members), []
    while left:
        start = min(left)
        left.discard(start)
        piece, queue = [start], [start]
        while queue:
            for j in neighbours[queue.pop()]:
                if j in left:
                    left.discard(j)
                    piece.append(j)
                    queue.append(j)
        pieces.append(piece)
    return pieces


def _ordered(seats, group, count: int) -> list[list[int]]:
    """Return the members of every group: the group in the middle first, the others by direction."""
    members = [[i for i, found in enumerate(group) if found == g] for g in range(count)]
    all_x = sum(x for x, _ in seats) / len(seats)
    all_y = sum(y for _, y in seats) / len(seats)

    def centre(found):
        return sum(seats[i][0] for i in found) / len(found), sum(seats[i][1] for i in found) / len(found)

    members.sort(key=lambda found: math.dist(centre(found), (all_x, all_y)))
    rest = sorted(members[1:], key=lambda found: math.atan2(centre(found)[1] - all_y, centre(found)[0] - all_x))
    return [members[0], *rest]


# --- names, codes, counts ----------------------------------------------------------------------------------------


def _fill_county(rng: random.Random, result: Map, county: Region, members: list[int], seats, cells) -> None:
    """Append the towns and villages of `county`, in the order of their codes."""
    group = _group(rng, [seats[i] for i in members], [cells[i] for i in members], TOWNS + TOWNSHIPS)
    towns = [[members[i] for i in found] for found in _ordered([seats[i] for i in members], group, TOWNS + TOWNSHIPS)]
    town_stems = [names.SEAT] if county.code.endswith("01") else []
    town_stems += names.stems(rng, TOWNS + TOWNSHIPS - len(town_stems), taken={names.SEAT})
    village_stems = iter(names.stems(rng, len(members), taken=set(town_stems)))
    for number, (stem, found) in enumerate(zip(town_stems, towns, strict=True)):
        is_town = number < TOWNS
        town = Region(
            county.code + (f"1{number:02}" if is_town else f"2{number - TOWNS:02}"),
            stem + ("镇" if is_town else "乡"),
            "town",
        )
        result.towns.append(town)
        found = _seat_first(seats, found)
        committees = (2 if number == 0 else 1) if is_town else 0
        for place, i in enumerate(found):
            if place < committees:
                name = (stem if place == 0 else next(village_stems)) + "社区"
                code = f"{town.code}{place + 1:03}"
            else:
                name, code = next(village_stems) + "村", f"{town.code}{200 + place - committees:03}"
            path = (names.PROVINCE, names.CITY, county.name, town.name, name)
            village = Village(code, name, "village", cells[i], seat=seats[i], path=path)
            _settle(rng, village)
            result.villages.append(village)


def _seat_first(seats, found: list[int]) -> list[int]:
    """Return the villages of a town from its middle outwards."""
    x = sum(seats[i][0] for i in found) / len(found)
    y = sum(seats[i][1] for i in found) / len(found)
    return sorted(found, key=lambda i: math.dist(seats[i], (x, y)))


def _settle(rng: random.Random, village: Village) -> None:
    """Give the village three to six hamlets, well inside its borders."""
    shapely.prepare(village.boundary)
    core = village.boundary.buffer(-0.5 / KM_PER_DEGREE)
    core = village.boundary.centroid.buffer(0.001) if core.is_empty else core
    low_x, low_y, high_x, high_y = core.bounds
    for name in names.hamlets(rng, rng.randint(3, 6)):
        while True:
            x, y = round(rng.uniform(low_x, high_x), 6), round(rng.uniform(low_y, high_y), 6)
            if shapely.contains_xy(core, x, y) and shapely.contains_xy(village.boundary, x, y):
                break
        village.hamlets.append((name, x, y))


def _profiles(rng: random.Random, villages: list[Village], households: int) -> None:
    """Give every village its counts: the registered share runs smoothly from 3 % in the valleys to 45 % in the hills."""
    scale = (len(villages) / VILLAGES_PER_COUNTY) ** 0.3
    waves = [(rng.uniform(28, 75) * scale, rng.uniform(0, 7), rng.uniform(0, 2 * math.pi)) for _wave in range(4)]
    weights = []
    for village in villages:
        x, y = village.seat
        height = sum(
            math.sin((x * math.cos(way) + y * math.sin(way)) / length * 2 * math.pi + shift)
            for length, shift, way in waves
        )
        share = 1 / (1 + math.exp(-0.95 * height + 1.15 + rng.gauss(0, 0.25)))
        if village.name.endswith("社区"):
            share *= 0.35
        village.share = min(0.44, max(0.035, share * 0.62))
        size = rng.lognormvariate(0, 0.3) * (1.6 if village.name.endswith("社区") else 1.0)
        weights.append(village.share * size)
    for village, count in zip(villages, _apportion(weights, households), strict=True):
        village.households = count
        village.total_households = max(round(count / village.share), count + 3, rng.randint(28, 45))
        village.total_population = round(village.total_households * rng.uniform(3.9, 4.5)) + 9
        village.poor = count / village.total_households > 0.22


def _apportion(weights: list[float], total: int) -> list[int]:
    """Return whole numbers in proportion to `weights` that add up to `total` (largest remainders)."""
    scale = total / sum(weights)
    exact = [weight * scale for weight in weights]
    counts = [int(value) for value in exact]
    by_rest = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in by_rest[: total - sum(counts)]:
        counts[i] += 1
    return counts
