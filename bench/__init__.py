"""Speed, measured as ratios inside one run: `script/bench`, read with docs/bench.md."""
