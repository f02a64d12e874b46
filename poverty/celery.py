"""The worker's entry. Tasks take ids only, are safe to run twice and at once, and answer with counts."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "poverty.settings")
app = Celery("poverty")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
