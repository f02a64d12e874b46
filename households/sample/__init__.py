"""A sample county with known truth: invented places, families and faults, written as the official spreadsheets.

`households.sample.write.make` writes everything; `python -m households.sample` and `manage.py make_sample` call it.

index.json          what to load: regions in order, boundaries, profiles, positions, and the sheets in order, each with
                    kind, file, year, as_of and region.
provinces.csv …     the region tree in the public layout, one file per level: provinces, cities, areas, streets, villages.
boundaries.geojson  city, counties, towns and villages with `code`, `name` and `level`; neighbours share their points.
villages_profile.csv  code, year, total_households, total_population, rural_population, poor_village and broadband (0/1) and more.
positions.csv       household_no, lon, lat; about 6 % of the households have none.
persons.xlsx, households.xlsx   from 20,000 households on one pair per county: persons-459901.xlsx …
persons-2018.csv …  sheets of earlier years, of the few households whose cases need them; changes.csv: changes of members.
ledger.csv, ledger-wide.xlsx   the monthly ledger of the year, in both forms: 903,255 lines for 75,337 households.
list-vehicles.csv … a list of every department: of members what is true, traps that are no clue, and others' data.
truth.json          what is wrong in the sheets, what the data rules have to find, and how much is right:
    as_of           the day on which the rules are checked.
    files[]         file, kind, year, as_of, region, sheet, header_row, rows (data rows: new + asked + rejected),
                    skipped (totals, repeated headers, earlier doubles), new, asked, rejected, and
      faults[]      sheet, row (1-based), column (header), code (D… or a rule id), action (auto, note, ask, stop), value
                    (what the cell holds), subject (person or household number). `follows` names the code of which the
                    fault is a consequence: a row that waits or was refused leaves the household one member short. D15
                    stands at the header row; `rows` are the outlier rows that wait.
      again[]       findings of the roster at the row of their household in the household sheet, imported after it.
    rules[]         all that the rules find once everything is loaded: rule, subject (person or household number, village
                    code); `follows` names the rule or the fault of which it is a consequence. `bench.truth` compares.
    wrong_identity[]  the persons wrongly registered as poor, and the rule that shows it: 1,742 for 75,337 households.
    totals          households, persons (rows), held_persons (asked and refused), by_status, by_type, by_main_cause, and
                    regions {code of any level: {households, persons, held_persons}}, counted as the files declare them.
"""
