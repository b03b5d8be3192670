"""What `zoo flink-cluster` writes is what Flink's operator takes, by the schema that its own release carries."""

from __future__ import annotations

import shutil
import subprocess
import zipfile

import pytest
import yaml

from serving.fleet.commented import plain
from tests.nightly.definitions import check, validators_of
from tests.tfx_pipelines.test_flink_cluster import BEAM, CONFIG, SIZE, VOLUME
from tfx_pipelines.config import load_run_config
from tfx_pipelines.flink_cluster import flink_cluster

RELEASE = "1.10.0"
ARTIFACT, SCHEMA = "flink-kubernetes-operator-api", "META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml"


def test_flinks_operator_takes_the_session_cluster(tmp_path):
    if shutil.which("mvn") is None:
        pytest.skip("Maven is not installed, and the operator's schema comes from its repository")
    subprocess.run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact=org.apache.flink:{ARTIFACT}:{RELEASE}",
                    f"-DoutputDirectory={tmp_path}"], check=True, cwd=tmp_path)
    with zipfile.ZipFile(tmp_path / f"{ARTIFACT}-{RELEASE}.jar") as jar:
        known = validators_of(yaml.load(jar.read(SCHEMA), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    (tmp_path / "run.yaml").write_text(CONFIG, encoding="utf-8")
    session = plain(flink_cluster(load_run_config(tmp_path / "run.yaml"), SIZE, VOLUME, BEAM)[0])
    check(session, known)
    # A field of Kubernetes' own, inside of the pods' template.
    session["spec"]["taskManager"]["podTemplate"]["spec"]["containers"][1]["portz"] = []
    with pytest.raises(AssertionError, match="portz"):
        check(session, known)
