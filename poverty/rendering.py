"""Form controls: as Django draws them, without a template for every choice of a list.

A page of filters holds some sixty choices; a template each made up a seventh of what the page costs.
"""

from django.forms.renderers import DjangoTemplates
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

SELECT = "django/forms/widgets/select.html"


def _attributes(attrs: dict):
    """Return attributes as `django/forms/widgets/attrs.html` writes them: True stands alone, None and False are left out."""
    shown = ((name, value) for name, value in attrs.items() if value is not None and value is not False)
    return mark_safe(  # noqa: S308 - every part is escaped
        "".join(
            format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value) for name, value in shown
        )
    )


def _options(options):
    return format_html_join(
        "\n",
        '  <option value="{}"{}>{}</option>',
        ((one["value"], _attributes(one["attrs"]), one["label"]) for one in options),
    )


def select(widget: dict) -> str:
    """Return a `<select>` from the context of `django.forms.Select`."""
    groups = [
        format_html('<optgroup label="{}">\n{}\n</optgroup>', name, _options(options)) if name else _options(options)
        for name, options, _index in widget["optgroups"]
    ]
    inner = format_html_join("\n", "{}", ((group,) for group in groups))
    return format_html('<select name="{}"{}>\n{}\n</select>', widget["name"], _attributes(widget["attrs"]), inner)


class Renderer(DjangoTemplates):
    """Draws lists of choices itself, everything else from templates."""

    def render(self, template_name, context, request=None):
        if template_name == SELECT:
            return select(context["widget"])
        return super().render(template_name, context, request)
