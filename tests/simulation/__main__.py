"""Many seeds: ``python -m tests.simulation --seeds 2000 [--first N]``; prints each failing seed, exits 1 if there is one."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.world import verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=1000)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    failed = 0
    with ProcessPoolExecutor() as pool:
        for seed, wrong in zip(seeds, pool.map(verdict, seeds, chunksize=8), strict=True):
            if wrong:
                failed += 1
                print(f"seed {seed}: {wrong}", flush=True)
    print(f"{given.seeds} seeds, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
