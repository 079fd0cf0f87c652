"""A contestant's process: a line of JSON in, a task run, a line of JSON out."""

from __future__ import annotations

import json
import sys

from benchmarks.measuring.tasks import run

if __name__ == "__main__":
    contestant, url = sys.argv[1:]
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(run(contestant, order["task"], url, order["arguments"])), flush=True)
