"""Fill in a page's form as a browser does: read what it holds, change some fields, send it."""

from html.parser import HTMLParser


class _Fields(HTMLParser):
    def __init__(self):
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.select = None
        self.hidden_part = 0
        self.form = 0

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "template":
            self.hidden_part += 1
        if self.hidden_part:
            return
        if tag == "form":
            self.form = found.get("method", "get").lower() == "post" and "data-logout" not in found
            self.form = self.form and not found.get("action", "").startswith(
                ("/households/search", "/language", "/logout")
            )
        if not self.form:
            return
        if tag == "input" and found.get("name"):
            kind = found.get("type", "text")
            if kind in ("checkbox", "radio") and "checked" not in found:
                return
            self.fields.setdefault(found["name"], []).append(found.get("value") or "")
        elif tag == "select":
            self.select = found.get("name")
            self.fields.setdefault(self.select, [""])
        elif tag == "option" and self.select and "selected" in found:
            self.fields[self.select] = [found.get("value", "")]

    def handle_endtag(self, tag):
        if tag == "template":
            self.hidden_part -= 1
        elif tag == "select":
            self.select = None
        elif tag == "form":
            self.form = False


def fields(response) -> dict[str, list[str]]:
    parser = _Fields()
    parser.feed(response.content.decode())
    parser.fields.pop("csrfmiddlewaretoken", None)
    return parser.fields


def send(client, url, opened=None, **changed):
    """Open the form at `url` (or take an opened one), change fields and post it."""
    found = dict(fields(opened if opened is not None else client.get(url)))
    for name, value in changed.items():
        found[name.replace("__", "-")] = value
    return client.post(url, found)
