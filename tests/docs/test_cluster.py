"""The Kubernetes job of docs/how-to/cluster.md: its shares give every file of the list once."""

import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
SAMPLES = sorted((REPOSITORY / "samples").glob("*.png"))
SHARES = 3


@pytest.fixture(scope="module")
def job():
    text = (REPOSITORY / "docs" / "how-to" / "cluster.md").read_text()
    return yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])


@pytest.fixture(scope="module")
def container(job):
    [container] = job["spec"]["template"]["spec"]["containers"]
    return container


def test_the_job_fits_together(job, container):
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert (job["apiVersion"], job["kind"], spec["completionMode"]) == (
        "batch/v1",
        "Job",
        "Indexed",
    )
    assert {"name": "SHARDS", "value": str(spec["completions"])} in container["env"]
    assert pod["restartPolicy"] == "Never"  # as backoffLimitPerIndex and podFailurePolicy demand
    assert {v["name"] for v in pod["volumes"]} == {v["name"] for v in container["volumeMounts"]}


def run(container, folder, index):
    """What a pod runs, with its disks in a folder."""
    [script] = container["args"]
    script = script.replace("/tmp/", f"{folder}/pod-{index}-")
    for name in ("in", "out"):
        assert any(mount["mountPath"] == f"/{name}" for mount in container["volumeMounts"])
        script = script.replace(f"/{name}/", f"{folder}/{name}/")
    assert container["command"][0] == "sh"
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    index = {"JOB_COMPLETION_INDEX": str(index), "SHARDS": str(SHARES)}
    env = os.environ | index | {"PATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run([*container["command"], script], env=env, capture_output=True, text=True)


def read(folder, index):
    lines = (folder / "out" / f"part-{index}.jsonl").read_text().splitlines()
    return [json.loads(line)["file"] for line in lines]


@pytest.mark.slow
def test_shares_give_every_file_once(job, container, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    broken = tmp_path / "in" / "broken.png"
    broken.write_bytes(b"no image")
    files = [*map(str, SAMPLES[:3]), str(broken), *map(str, SAMPLES[3:7])]
    (tmp_path / "in" / "files.txt").write_text("".join(f"{file}\n" for file in files))

    done = [run(container, tmp_path, index) for index in range(SHARES)]
    shares = [read(tmp_path, index) for index in range(SHARES)]
    assert sorted(chain.from_iterable(shares)) == sorted(set(files) - {str(broken)})
    assert [len(share) for share in shares] == [2, 2, 3]
    failed = [one for one in done if one.returncode]
    rules = {rule["action"]: rule for rule in job["spec"]["podFailurePolicy"]["rules"]}
    assert [one.returncode for one in failed] == rules["FailIndex"]["onExitCodes"]["values"]
    assert str(broken) in failed[0].stderr

    again = run(container, tmp_path, 2)  # a pod that is started once more
    assert again.returncode == 0
    assert read(tmp_path, 2) == shares[2]
