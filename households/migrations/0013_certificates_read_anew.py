"""Read the last two digits of the disability certificates that are in the register already.

They became a fault of their own ("certificate") after these numbers were sealed. Few numbers have 20 characters; the
others stay as they are.
"""

from django.db import migrations
from django.utils import timezone

from poverty import crypto, idnumber

PLACE = "households_member.cert_no"
SEE_ALL = (
    "SELECT set_config('app.system', 'certificates read anew', true), set_config('app.lo', ' ', true),"
    " set_config('app.hi', '~', true), set_config('app.whole', 'on', true)"
)


def read_anew(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(SEE_ALL)
        cursor.execute(
            "SELECT id, uid, cert_no_sealed FROM households_member"
            " WHERE id_kind = '20' AND id_fault = '' AND cert_no_sealed IS NOT NULL"
        )
        today = timezone.localdate()
        faulty = [
            key
            for key, uid, sealed in cursor.fetchall()
            if idnumber.facts(crypto.unseal(PLACE, uid, sealed), today=today).fault == "certificate"
        ]
        if faulty:
            cursor.execute("UPDATE households_member SET id_fault = 'certificate' WHERE id = ANY(%s)", [faulty])
            if cursor.rowcount != len(faulty):
                raise RuntimeError(f"{cursor.rowcount} of {len(faulty)} certificates were written")


class Migration(migrations.Migration):
    dependencies = [("households", "0012_analyze_what_was_written")]

    operations = [migrations.RunPython(read_anew, migrations.RunPython.noop)]
