"""Fields shared by all rooms: money in yuan, region codes, identity numbers in forms."""

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _

from poverty.inputs import parse_amount


class YuanField(models.DecimalField):
    """Money: numeric(14,2), yuan. Column names end in `_yuan`."""

    def __init__(self, *args, **kwargs):
        kwargs["max_digits"], kwargs["decimal_places"] = 14, 2
        super().__init__(*args, **kwargs)

    def formfield(self, **kwargs):
        return super(models.DecimalField, self).formfield(**{"form_class": YuanFormField, **kwargs})


class YuanFormField(forms.CharField):
    """An amount typed by a person: see `poverty.inputs.parse_amount`."""

    def __init__(self, *, max_digits=None, decimal_places=None, **kwargs):
        super().__init__(**kwargs)
        self.widget.attrs.setdefault("inputmode", "decimal")

    def to_python(self, value):
        text = super().to_python(value)
        return parse_amount(text) if text else None

    def has_changed(self, initial, data):
        try:
            return self.to_python(data) != initial
        except forms.ValidationError:
            return True


def village_field(**kwargs):
    """Return the village column of a scoped model: the 12-digit code itself, without Django's second `_like` index."""
    return models.ForeignKey(
        "regions.Region",
        on_delete=models.PROTECT,
        db_column="village",
        db_index=False,
        related_name="+",
        verbose_name=_("village"),
        **kwargs,
    )
