"""The files shown in docs/cluster.md: their syntax, and that cifarlab accepts the TF_CONFIG that they create."""

import os
import re
import subprocess
from pathlib import Path

import yaml

from cifarlab.training.strategies.tf_config import Worker, parse_tf_config

FOLDER = Path(__file__).parents[1] / "docs" / "cluster"


def test_the_page_shows_every_file():
    page = (FOLDER.parent / "cluster.md").read_text()
    assert sorted(re.findall(r"literalinclude\} cluster/(\S+)", page)) == sorted(f.name for f in FOLDER.iterdir())


def test_tf_config():
    worker = parse_tf_config((FOLDER / "tf_config.json").read_text())
    assert worker == Worker(0, ("host0.example.org:2222", "host1.example.org:2222"))


def echo_tf_config(script, **variables):
    """Returns the TF_CONFIG that a script sets before its last line, which starts cifarlab."""
    script = re.sub(r"exec cifarlab.*", 'printf %s "$TF_CONFIG"', script)
    done = subprocess.run(["bash", "-c", script], env={**os.environ, **variables}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return parse_tf_config(done.stdout)


def test_kubernetes():
    service, job = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    assert service["spec"]["selector"]["job-name"] == job["metadata"]["name"]
    pod = job["spec"]["template"]["spec"]
    assert pod["subdomain"] == service["metadata"]["name"]
    (container,) = pod["containers"]
    worker = echo_tf_config(container["command"][2], JOB_COMPLETION_INDEX="1")
    assert worker == Worker(1, ("cifarlab-0.cifarlab:2222", "cifarlab-1.cifarlab:2222"))
    assert len(worker.addresses) == job["spec"]["completions"] == job["spec"]["parallelism"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_slurm(tmp_path):
    """Uses stand-ins for the two Slurm programs that the script calls."""
    for name, text in (("scontrol", 'printf "node1\\nnode2\\n"'), ("srun", '"$@"')):
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    script = (FOLDER / "slurm.sh").read_text()
    assert subprocess.run(["bash", "-n", FOLDER / "slurm.sh"]).returncode == 0
    path = f"{tmp_path}:{os.environ['PATH']}"
    worker = echo_tf_config(script, PATH=path, SLURM_JOB_NODELIST="node[1-2]", SLURM_PROCID="1")
    assert worker == Worker(1, ("node1:2222", "node2:2222"))
