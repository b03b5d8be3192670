"""Packaging of Cascade Zoo: `zoo` (models), `serving` (client and server) and `tfx_pipelines`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

VERSION = re.search(r'^__version__ = "(.+)"$', Path(__file__).with_name("zoo").joinpath("__init__.py").read_text(), re.M)[1]

SERVING = [
    "grpcio>=1.59",
    "grpcio-health-checking",
    "protobuf>=3.20.3",
    "tensorflow-serving-api>=2.16.1,<2.22",
]
TREES = ["lightgbm>=4"]
OBSERVABILITY = ["prometheus_client", "opentelemetry-api"]
S3 = ["s3fs"]
# Libraries of CUDA as packages; the driver is the machine's.
CUDA = ["tensorflow[and-cuda]>=2.16.2,<2.22"]
PIPELINE = [
    *SERVING,
    # From 2.69 on Beam no longer brings dill, and `import tfx` fails without it.
    "apache-beam[gcp]>=2.59,<2.69; python_version<'3.11'",
    "apache-beam[gcp]>=2.73; python_version>='3.11'",
    "dill",
    "tfx>=1.16,<1.22",
    "kfp>=2.5",
    "kfp-pipeline-spec<2.17",
    "matplotlib>=3.7",
    "psutil>=5.9",
]

setup(
    name="cascade-zoo",
    version=VERSION,
    description="A production model zoo for e-commerce recommendation on the TensorFlow stack",
    license="Apache-2.0",
    packages=find_packages(include=["zoo*", "serving*", "tfx_pipelines*"]),
    package_data={
        "zoo": ["py.typed", "configs/*.yaml", "models/cards/*.md"],
        "serving": ["py.typed"],
        "tfx_pipelines": ["py.typed", "configs/*.yaml"],
    },
    python_requires=">=3.10,<3.14",
    # What trains and exports. A service that only calls a model needs much less: docs/serving.md says how to install that.
    install_requires=[
        "tensorflow>=2.16.2,<2.22",
        "tf-keras>=2.16,<2.22",
        "tensorflow-recommenders>=0.7.3",
        "numpy",
        "click>=8.0",
        "rich>=13",
        "pydantic>=2,<3",
        "pyyaml>=6",
        "duckdb>=1.5",
        "fsspec",
        "pyarrow>=10",
    ],
    extras_require={
        "serving": SERVING,
        "trees": TREES,
        "observability": OBSERVABILITY,
        "s3": S3,
        "cuda": CUDA,
        "pipeline": PIPELINE,
        "dev": [
            *PIPELINE,
            *TREES,
            *OBSERVABILITY,
            *S3,
            "basedpyright",
            "cryptography",
            "flask",
            "flask-cors",
            "hypothesis",
            "import-linter",
            "ipykernel",
            "jsonpatch",
            "kubernetes-validate",
            "mkdocs-material",
            "mkdocstrings[python]",
            "moto[s3]",
            "nbclient",
            "opentelemetry-sdk",
            "pre-commit",
            "promql-parser",
            "pymdown-extensions<12",
            "pytest>=8",
            "pytest-xdist",
            "ruff",
            "scikit-learn",
            "uv",
        ],
    },
    entry_points={"console_scripts": ["zoo = tfx_pipelines.cli:main"]},
)
