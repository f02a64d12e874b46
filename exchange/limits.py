"""What an uploaded file may be at most, and how a file that is not read at all says so."""

from dataclasses import dataclass, field

UPLOAD_BYTES = 50 * 1024 * 1024
ZIP_ENTRIES = 2_000
ZIP_DIRECTORY_BYTES = 1024 * 1024  # 2,000 entries with long names take half of it
UNPACKED_BYTES = 600 * 1024 * 1024
RATIO = 100
RATIO_FLOOR_BYTES = 10 * 1024 * 1024  # small files of repeated text compress well without being bombs
SMALL_PART_BYTES = 8 * 1024 * 1024  # workbook.xml and the relation parts
ROW_XML_BYTES = 32 * 1024 * 1024
CELLS = 20_000_000  # bounding rectangle of all sheets: calamine allocates every cell of it
CSV_FIELD_CHARS = 131_072
NAME_CHARS = 50
NUMBER_CHARS = 32
TEXT_CHARS = 500
HEADER_ROWS = 10

CHILD_ADDRESS_SPACE = 2_300 * 1024 * 1024  # polars and glibc reserve more than they use; resident stays under 1.5 GB
CHILD_CPU_SECONDS = 120
CHILD_OPEN_FILES = 64
CHILD_ANSWER_BYTES = 1024 * 1024 * 1024
FAULTS_PER_COLUMN = 20_000  # repaired or noted cells listed per sheet, column and code; the counts stay complete


@dataclass(eq=False)
class Refused(Exception):
    """The whole file is refused: nothing of it was read.

    `code` is the short word for programs, `key` names the sentence in `exchange.messages`, `params` fill it in and
    carry the key too, so that code and params are all that has to be stored.
    """

    code: str
    key: str
    params: dict = field(default_factory=dict)

    def __post_init__(self):
        self.params = {"key": self.key, **self.params}

    def __str__(self):
        return f"{self.code}: {self.key} {self.params}"
