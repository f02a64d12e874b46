"""Print the log-ins of the sample county."""

import json

from django.core.management.base import BaseCommand

from accounts import sample
from accounts.models import User


class Command(BaseCommand):
    help = "Print the sample log-ins that exist in this database."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options):
        names = [log_in[0] for log_in in sample.LOG_INS]
        users = {
            user.username: user
            for user in User.objects.filter(username__in=names, unit=sample.UNIT, is_active=True)
            .select_related("region")
            .defer("region__boundary", "region__centroid")
        }
        found = [
            {
                "username": name,
                "password": sample.PASSWORD,
                "role": users[name].role,
                "name": users[name].full_name,
                "area": users[name].region.name if users[name].region else "",
            }
            for name in names
            if name in users
        ]
        if options["json"]:
            self.stdout.write(json.dumps({"logins": found}, ensure_ascii=False))
            return
        for one in found:
            self.stdout.write(f"  {one['username']:<10} {one['password']:<18} {one['name']}  {one['area']}")
        if not found:
            self.stdout.write("There are no sample log-ins in this database.")
