"""Walk the chain of the audit trail; exit status 1 names the first row that is not as it was."""

import json

from django.core.management.base import BaseCommand

from accounts import sealing


class Command(BaseCommand):
    help = "Verify the audit trail: edits, deletions, insertions, swaps and a cut-off end. Exit status 1 when one is found."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--without-anchors", action="store_true", help="leave the files beside the store aside")

    def handle(self, **options):
        verdict = sealing.verify(anchors=not options["without_anchors"])
        if options["json"]:
            answer = {
                "whole": verdict.whole,
                "sealed": verdict.sealed,
                "waiting": verdict.waiting,
                "anchors": verdict.anchors,
                "last_event": verdict.last_event,
                "head": verdict.head,
                "bad": verdict.bad,
                "first": verdict.first,
                "problems": verdict.problems,
                "notes": verdict.notes,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            self._tell(verdict)
        if not verdict.whole:
            raise SystemExit(1)

    def _tell(self, verdict):
        for note in verdict.notes:
            self.stdout.write(note)
        if verdict.whole:
            self.stdout.write(
                f"The audit trail is whole: {verdict.sealed} events sealed, {verdict.waiting} waiting for their seal,"
                f" {verdict.anchors} anchors agree. Head {verdict.head or '-'} at event {verdict.last_event}."
            )
            return
        self.stderr.write(f"The audit trail was altered. First bad row: event {verdict.first['event']}.")
        for problem in verdict.problems:
            self.stderr.write(f"  {problem['kind']}: {problem['text']}")
        if verdict.bad > len(verdict.problems):
            self.stderr.write(f"  … {verdict.bad} in all.")
        self.stderr.write("Keep the disk and the anchor files as they are, and call the auditor.")
