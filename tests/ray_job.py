"""A job of a folder's files by two workers, of which one is killed; run by test_ray.py.

    python ray_job.py FILES OUT

OUT gets `read`, the paths of pages in the order in which they were read; `killed`, the process that
was killed; and `rows`, the result, one JSON object a line.
"""

import json
import os
import signal
import sys
from pathlib import Path

import ray
import ray.data

import isotrope.ray

FILES, OUT = map(Path, sys.argv[1:])
PAGES = 20  # pages read when the worker dies


class Dying(isotrope.ray.ReadPages):
    """Kills its own process once, in the middle of a task."""

    def __call__(self, batch):
        for page in super().__call__(batch):
            yield page
            with (OUT / "read").open("a") as log:
                log.write(f"{page['path'][0]}\n")
            late = len((OUT / "read").read_text().splitlines()) >= PAGES
            if late and not (OUT / "killed").exists():
                (OUT / "killed").write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)


isotrope.ray.ReadPages = Dying
ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
files = ray.data.read_binary_files(str(FILES), include_paths=True)
with (OUT / "rows").open("w") as rows:
    for row in isotrope.ray.read_pages(files, actors=2, files_per_task=4).iter_rows():
        rows.write(json.dumps(row) + "\n")
