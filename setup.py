"""Packaging of Cascade Zoo: `zoo` (models), `serving` (client and server) and `tfx_pipelines`."""

from setuptools import find_packages, setup

setup(
    name="cascade-zoo",
    version="0.1.0",
    description="A production model zoo for e-commerce recommendation on the TensorFlow stack",
    packages=find_packages(include=["zoo*", "serving*", "tfx_pipelines*"]),
    package_data={
        "zoo": ["configs/*.yaml", "models/cards/*.md"],
        "tfx_pipelines": ["configs/*.yaml"],
    },
    python_requires=">=3.10,<3.14",
    install_requires=[
        "tensorflow>=2.16.2,<2.22",
        "tf-keras>=2.16,<2.22",
        "tensorflow-recommenders>=0.7.3",
        "tensorflow-serving-api>=2.16.1,<2.22",
        # From 2.69 on Beam no longer brings dill, and `import tfx` fails without it.
        "apache-beam[gcp]>=2.59,<2.69; python_version<'3.11'",
        "apache-beam[gcp]>=2.73; python_version>='3.11'",
        "dill",
        "tfx>=1.16,<1.22",
        "kfp>=2.5",
        "kfp-pipeline-spec<2.17",
        "grpcio-health-checking",
        "click>=8.0",
        "rich>=13",
        "pydantic>=2,<3",
        "pyyaml>=6",
        "duckdb>=1.1",
        "matplotlib>=3.7",
        "psutil>=5.9",
    ],
    extras_require={
        "dev": [
            "pytest>=8",
            "pytest-xdist",
            "hypothesis",
            "ruff",
            "import-linter",
            "scikit-learn",
        ],
    },
    entry_points={"console_scripts": ["zoo = tfx_pipelines.cli:main"]},
)
