"""docs/cluster.md: what it has people run is what Ray, the cloud and Slurm take."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from common import ROOT

from wct.batch.arguments import arguments

PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def test_the_cluster_file_is_one():
    """By the schema that `ray up` goes by, and by what EC2 takes."""
    # Ray brings the first three, s3fs the others
    ray, jsonschema, yaml, session, validate = map(
        pytest.importorskip, ("ray", "jsonschema", "yaml", "botocore.session", "botocore.validate"))

    cluster, = map(yaml.safe_load, blocks("yaml"))
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(cluster, schema)
    assert cluster["head_node_type"] in cluster["available_node_types"]
    machines = session.Session().get_service_model("ec2").operation_model("RunInstances").input_shape
    for kind in cluster["available_node_types"].values():
        found = validate.ParamValidator().validate(kind["node_config"] | {"MinCount": 1, "MaxCount": 1}, machines)
        assert not found.has_errors(), found.generate_report()
        assert kind.get("max_workers", 0) <= cluster["max_workers"]


@pytest.fixture
def machine(tmp_path):
    """Run a script where Slurm's programs, ray and wct print what they are called with: the lines."""
    says = 'echo "$(basename "$0") $*"'
    programs = {"scontrol": "echo node1; echo node2", "wct": says,
                "ray": f'{says}; while [ "$1" != -- ]; do shift; done; "${{@:2}}"',
                "srun": f'{says}; while [[ "$1" == --* ]]; do shift; done; "$@"'}
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def run(script, **variables):
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "-eu", "-c", script], env={"PATH": path, **variables}, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0 and not done.stderr, done
        return done.stdout.splitlines()

    return run


def words(script):
    """What #SBATCH says."""
    return dict(re.findall(r"--([\w-]+)=(\S+)", " ".join(re.findall("^#SBATCH (.*)$", script, re.M))))


def test_an_array_of_jobs(machine):
    script = next(block for block in blocks("bash") if "--array" in block)
    first, last = map(int, words(script)["array"].split("-"))
    shards = []
    for i in (first, 7, last):
        line, = machine(script, SLURM_ARRAY_TASK_ID=str(i))
        _, args = arguments(line.split()[1:])
        shards.append(args.shard)
    assert shards == [(i - 1, last) for i in (1, 7, last)]


def test_ray_under_slurm(machine):
    """One step on all machines, with all cores of each; the command runs where Ray's head is."""
    script = next(block for block in blocks("bash") if "symmetric-run" in block)
    srun, ray, wct = machine(script, SLURM_JOB_NODELIST="node[1-2]", SLURM_NNODES="4", SLURM_CPUS_PER_TASK="32")
    asked = words(script)
    assert asked["ntasks-per-node"] == "1" and f"--cpus-per-task={asked['cpus-per-task']}" in srun
    start = ray.partition(" -- ")[0]
    assert "--address node1:6379" in start and f"--min-nodes {asked['nodes']}" in start
    assert f"--num-cpus {asked['cpus-per-task']}" in start
    _, args = arguments(wct.split()[1:])
    assert args.cluster == "auto"
