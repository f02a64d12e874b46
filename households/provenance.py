"""Where each value on a household's file comes from: the event in which the present value came in."""

from django.utils.translation import gettext as _

from households import history
from households.models import Household
from poverty.templatetags import figures


def of_household(household: Household, user) -> dict:
    """Return {"sources": [[[label, text], …], …], "values": {key of the value: place in sources}}."""
    rows = history.load(household, user, sealed=False)
    introduced = {}
    for target, found in rows.events.items():
        for row, events in found.items():
            name = rows.key(target, row)
            for of in history.FIELDS[target]:
                event = introducing(of, events)
                if event is not None:
                    introduced[f"{name}.{of.name}"] = event
    origins = history.Origins(list(introduced.values()))
    sources, places, values = [], {}, {}
    for key, event in introduced.items():
        told = words(origins.of(event))
        mark = tuple(map(tuple, told))
        if mark not in places:
            places[mark] = len(sources)
            sources.append(told)
        values[key] = places[mark]
    return {"sources": sources, "values": values}


def introducing(of, events):
    """Return the event in which the present value of a field came in; None when there is no value."""
    if not events or not _filled(of, events[-1]):
        return None
    for number in range(len(events) - 1, 0, -1):
        if history.differs(of, events[number - 1], events[number]):
            return events[number]
    return events[0]


def _filled(of, event) -> bool:
    return getattr(event, of.compared) not in (None, "", [])


def words(origin: history.Origin) -> list[list[str]]:
    """Return an origin as labelled lines."""
    told = []
    if origin.file:
        told.append([_("File"), origin.file])
        if origin.row is not None:
            place = _("row %(row)s") % {"row": figures.number(origin.row)}
            told.append([_("Place"), f"{origin.sheet} · {place}" if origin.sheet else place])
        if origin.as_of:
            told.append([_("As of"), figures.day(origin.as_of)])
    told.append([_("Imported by") if origin.file else _("Entered by"), origin.who or figures.UNKNOWN])
    told.append([_("When"), figures.minute(origin.at)])
    if origin.proposed_by:
        told.append([_("Proposed by"), origin.proposed_by])
    if origin.reason and not origin.file:
        told.append([_("Reason"), origin.reason])
    return told
