"""Write the example sources again: ``python examples/generate.py [--out examples] [--seed 20261120]``.

The same seed gives the same bytes. What is real and what is invented: examples/README.md.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

from generator import counties, jiangsu  # noqa: E402
from generator.output import Tree  # noqa: E402


def main() -> None:
    """Write all four folders."""
    parser = argparse.ArgumentParser(description="Write the example sources.")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--seed", type=int, default=20261120)
    options = parser.parse_args()
    jiangsu.write(Tree(options.out / "jiangsu-2021"), options.seed)
    counties.guyang(Tree(options.out / "guyang-2021"), options.seed)
    counties.changjiang(Tree(options.out / "changjiang-2023"), options.seed)
    counties.national(Tree(options.out / "national-2024"), options.seed)


if __name__ == "__main__":
    main()
