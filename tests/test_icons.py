"""Every icon that a page, a card or the navigation names is in the sprite: a missing one is an empty spot."""

import json
import re

from accounts.context import ENTRIES
from tests.test_architecture import ROOT

NAMES = (
    (r'\{% icon "([a-z0-9-]+)"', "templates/**/*.html"),
    (r'\bimage="([a-z0-9-]+)"', "templates/**/*.html"),
    (r'\bicon="([a-z0-9-]+)"', "*/**/*.py"),
    (r'\bcard\(_\("[^"]+"\), "[a-z_]+", "[^"]+", "([a-z0-9-]+)"', "*/**/*.py"),
    (r'\bCard\(.*?reverse\([^)]*\), "([a-z0-9-]+)"', "*/**/*.py"),
)


def test_every_icon_that_is_named_is_in_the_sprite():
    known = set(json.loads((ROOT / "script" / "icons.json").read_text()))
    used = {entry[2]: "accounts/context.py" for entry in ENTRIES}
    for pattern, files in NAMES:
        for path in ROOT.glob(files):
            place = path.relative_to(ROOT)
            if place.parts[0] not in (".venv", ".run", "node_modules", "tests"):
                used.update(dict.fromkeys(re.findall(pattern, path.read_text()), str(place)))
    assert len(used) > 60
    assert {name: place for name, place in used.items() if name not in known} == {}
