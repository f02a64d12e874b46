"""What every page's frame needs: icons of the sprite, and form controls with Tabler's classes. `{% load frame %}`."""

import functools

from django import forms, template
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import get_language

register = template.Library()

CHECKS = (forms.CheckboxInput, forms.CheckboxSelectMultiple, forms.RadioSelect)


@register.simple_tag
def icon(name, extra="", label=""):
    """Draw an icon of the sprite; without a label it is decoration and hidden from screen readers."""
    return _drawn(name, str(extra), str(label)) if name else ""


@functools.lru_cache(maxsize=2000)
def _drawn(name: str, extra: str, label: str) -> str:
    """Return an icon's markup: a page has some thirty of them, and the sprite's hashed address costs most of each."""
    told = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon {}" {} focusable="false" width="20" height="20"><use href="{}#{}"></use></svg>',
        extra,
        told,
        static("vendor/icons/icons.svg"),
        name,
    )


class Constant(template.Node):
    """Keeps what its nodes give, once for each language."""

    def __init__(self, nodelist):
        self.nodelist, self.kept = nodelist, {}

    def render(self, context):
        language = get_language()
        if language not in self.kept:
            self.kept[language] = self.nodelist.render(context)
        return self.kept[language]


@register.tag
def constant(parser, token):
    """Draw once what depends on nothing but the language: `{% constant %} … {% endconstant %}`.

    A page's frame is mostly addresses and words that never change; worded anew they were half of what a page costs.
    """
    nodelist = parser.parse(("endconstant",))
    parser.delete_first_token()
    return Constant(nodelist)


_navigations: dict[tuple, str] = {}
NAVIGATIONS = 1000  # of as many kinds of users, pages and languages; then begun anew


@register.simple_tag
def navigation(nav, name):
    """Draw the entries of a navigation, {label, url, icon, active}, with the template `name`; kept for whoever has the same."""
    key = (name, get_language(), *((entry["url"], entry["active"]) for entry in nav))
    if key not in _navigations:
        if len(_navigations) >= NAVIGATIONS:
            _navigations.clear()
        _navigations[key] = render_to_string(name, {"nav": nav})
    return _navigations[key]


@register.filter
def control(bound, extra=""):
    """Render a form field's widget with the class that its kind needs, and the mark of an error."""
    widget = bound.field.widget
    if isinstance(widget, CHECKS):
        name = "form-check-input" if isinstance(widget, forms.CheckboxInput) else ""
    elif isinstance(widget, forms.Select):
        name = "form-select"
    else:
        name = "form-control"
    classes = " ".join(
        part for part in (widget.attrs.get("class", ""), name, extra, "is-invalid" if bound.errors else "") if part
    )
    return bound.as_widget(attrs={"class": classes} if classes else None)


@register.filter
def is_check(bound):
    """Tell a single check box, whose label stands behind it."""
    return isinstance(bound.field.widget, forms.CheckboxInput)


@register.filter
def may(user, permission):
    """Ask `user.may(permission)` by the permission's value: `{% if user|may:"household.view" %}`."""
    return bool(getattr(user, "is_authenticated", False)) and user.may(permission)
