"""Form controls: as Django draws them, without a template for every choice of a list.

A page of filters holds some sixty choices; a template each made up a seventh of what the page costs.
"""

from django.forms.renderers import DjangoTemplates
from django.utils.html import conditional_escape
from django.utils.safestring import mark_safe

SELECT = "django/forms/widgets/select.html"


def _attributes(attrs: dict) -> str:
    """Return attributes as `django/forms/widgets/attrs.html` writes them: True stands alone, None and False are left out."""
    return "".join(
        f" {conditional_escape(name)}"
        if value is True
        else f' {conditional_escape(name)}="{conditional_escape(value)}"'
        for name, value in attrs.items()
        if value is not None and value is not False
    )


def _options(options) -> str:
    return "\n".join(
        f'  <option value="{conditional_escape(one["value"])}"{_attributes(one["attrs"]) if one["attrs"] else ""}>'
        f"{conditional_escape(one['label'])}</option>"
        for one in options
    )


def select(widget: dict) -> str:
    """Return a `<select>` from the context of `django.forms.Select`."""
    groups = [
        f'<optgroup label="{conditional_escape(name)}">\n{_options(options)}\n</optgroup>'
        if name
        else _options(options)
        for name, options, _index in widget["optgroups"]
    ]
    opening = f'<select name="{conditional_escape(widget["name"])}"{_attributes(widget["attrs"])}>'
    return mark_safe("\n".join([opening, *groups, "</select>"]))  # noqa: S308 - every part is escaped above


class Renderer(DjangoTemplates):
    """Draws lists of choices itself, everything else from templates."""

    def render(self, template_name, context, request=None):
        if template_name == SELECT:
            return select(context["widget"])
        return super().render(template_name, context, request)
