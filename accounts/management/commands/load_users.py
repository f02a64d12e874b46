"""Make accounts from a sheet: good rows go on, bad rows say why."""

import json
import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts import loading
from accounts.models import User


class Command(BaseCommand):
    help = (
        "Make accounts from an xlsx or csv sheet with the columns 用户名, 姓名, 角色, 区划代码 or 区划名称, 单位, 电话, 结对户编号."
        " Exit status 1 when a row was refused; the good rows are made all the same."
    )

    def add_arguments(self, parser):
        parser.add_argument("sheet", metavar="SHEET", type=Path)
        parser.add_argument("--passwords", metavar="OUT.xlsx", type=Path, help="write the one-time passwords here")
        parser.add_argument("--by", metavar="USERNAME", help="the system administrator in whose name this is done")
        parser.add_argument("--dry-run", action="store_true", help="only say what is wrong")
        parser.add_argument("--json", action="store_true", help="end with one JSON object")

    def handle(self, **options):
        by = None
        if options["by"]:
            by = User.objects.filter(username=options["by"], is_active=True).first()
            if by is None:
                raise CommandError(f"There is no active user {options['by']}.")
        try:
            rows = loading.read_rows(options["sheet"].name, options["sheet"].read_bytes())
        except (OSError, loading.UnreadableSheet) as error:
            raise CommandError(str(error)) from error
        out = options["passwords"]
        if not options["dry_run"] and out is None and not options["json"]:
            raise CommandError(
                "Say where the one-time passwords go: --passwords OUT.xlsx (they are kept nowhere else)."
            )
        if out is not None and out.exists():
            raise CommandError(f"{out} is already there.")
        loading.check_rows(rows, by=by)
        if not options["dry_run"]:
            loading.make_users(rows, by=by)
        made = [row for row in rows if row.user]
        if out is not None and made:
            with open(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(loading.passwords_book([loading.password_row(row) for row in made]))
        faults = [{"row": row.row, "message": row.error} for row in rows if row.error]
        if options["json"]:
            answer = {"rows": len(rows), "made": len(made), "refused": len(faults), "faults": faults}
            if out is None and made:
                answer["passwords"] = {row.user.username: row.password for row in made}
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            for fault in faults:
                self.stderr.write(f"row {fault['row']}: {fault['message']}")
            self.stdout.write(f"{len(rows)} rows: {len(made)} accounts made, {len(faults)} refused.")
        if faults:
            raise SystemExit(1)
