"""How soon lists know, on a real server with two workers: benchmarks/fresh.py says it for many trials."""

import subprocess
import sys
from pathlib import Path

FRESH = Path(__file__).parents[2] / "benchmarks" / "fresh.py"


def test_an_event_within_one_second_and_an_item_within_five_on_every_worker() -> None:
    command = [sys.executable, str(FRESH), "--trials", "2", "--workers", "2"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("median") == 2
