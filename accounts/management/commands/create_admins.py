"""Make the three administrators of a new installation, and give them new passwords: this is done at the server only."""

import json

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import actions
from accounts.models import User
from accounts.roles import Role

KINDS = {"system": Role.SYSTEM_ADMIN, "security": Role.SECURITY_ADMIN, "audit": Role.AUDIT_ADMIN}


class Command(BaseCommand):
    help = (
        "Make the first three administrators (system, security, audit): three persons, who see no household. Prints their"
        " one-time passwords, once. Without options it asks. --reset USERNAME gives an administrator a new password."
    )

    def add_arguments(self, parser):
        for kind in KINDS:
            parser.add_argument(f"--{kind}", metavar="USERNAME", help=f"user name of the {kind} administrator")
            parser.add_argument(f"--{kind}-name", metavar="NAME", help="the person's name")
            parser.add_argument(f"--{kind}-phone", metavar="PHONE", default="", help="the person's office phone")
        parser.add_argument("--region", metavar="CODE", help="limit them to this region (it must be loaded)")
        parser.add_argument("--reset", metavar="USERNAME", help="give this administrator a new one-time password")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options):
        if options["reset"]:
            made = [self._reset(options["reset"])]
        else:
            made = self._make(options)
        if options["json"]:
            self.stdout.write(json.dumps({"administrators": made}, ensure_ascii=False))
            return
        for one in made:
            self.stdout.write(f"{one['role']:<16} {one['username']:<24} one-time password: {one['password']}")
        self.stdout.write(
            "Hand each password to its person; it is shown this once and must be changed at the first log-in."
        )

    def _reset(self, username):
        user = User.objects.filter(username=username, role__in=actions.ADMINISTRATORS).first()
        if user is None:
            raise CommandError(f"There is no administrator {username}.")
        return {"role": user.role, "username": user.username, "password": actions.reset_password(user=user)}

    def _make(self, options):
        wanted = {}
        for kind in KINDS:
            username = options[kind] or self._ask(f"User name of the {kind} administrator: ", options)
            name = options[f"{kind}_name"] or (
                self._ask("  and the name: ", options) if not options[kind] else username
            )
            wanted[kind] = (username, name, options[f"{kind}_phone"])
        if len({username for username, _name, _phone in wanted.values()}) < 3:
            raise CommandError("The three administrators are three persons: give three user names.")
        try:
            region = actions.find_region(options["region"]) if options["region"] else None
            with transaction.atomic():
                made = []
                for kind, (username, name, phone) in wanted.items():
                    user, password = actions.create_user(
                        username=username, full_name=name, role=KINDS[kind].value, region=region, phone=phone
                    )
                    made.append({"role": user.role, "username": user.username, "password": password})
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        return made

    def _ask(self, question, options):
        if options["json"]:
            raise CommandError("With --json give --system, --security and --audit.")
        try:
            answer = input(question).strip()
        except EOFError as error:
            raise CommandError("Nobody answers: give --system, --security and --audit.") from error
        if not answer:
            raise CommandError("An empty answer; nothing was made.")
        return answer
