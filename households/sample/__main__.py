"""Write the sample county without Django: `python -m households.sample --households 3000 --out DIR`."""

import argparse
import json
from pathlib import Path

from households.sample.write import make


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--households", type=int, default=3000, help="number of households; from 20,000 on, a city")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--clean", action="store_true", help="plant no faults")
    parser.add_argument("--single", action="store_true", help="one file of each kind, even for a city")
    parser.add_argument("--narrow", action="store_true", help="a roster of 30 columns; with --clean only")


def run(given: argparse.Namespace) -> dict:
    """Write the sample and return its totals, without those per region."""
    totals = make(
        given.out,
        households=given.households,
        seed=given.seed,
        clean=given.clean,
        single=given.single,
        narrow=given.narrow,
    )
    return {key: value for key, value in totals.items() if key != "regions"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    try:
        totals = run(parser.parse_args())
    except ValueError as error:
        parser.error(str(error))
    print(json.dumps(totals, ensure_ascii=False))


if __name__ == "__main__":
    main()
