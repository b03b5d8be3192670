"""An S3-compatible store, and the two copies that Kubeflow's launcher makes of it."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer


class Store:
    """A bucket.

    Args:
        endpoint: URL of the store.
        bucket: its name.
    """

    def __init__(self, endpoint: str, bucket: str):
        self.endpoint, self.bucket = endpoint, bucket
        self.client: Any = boto3.client("s3", **self.credentials(), endpoint_url=endpoint)
        self.client.create_bucket(Bucket=bucket)

    @staticmethod
    def credentials() -> dict[str, str]:
        return {"aws_access_key_id": "zoo", "aws_secret_access_key": "zoo", "region_name": "us-east-1"}

    def environment(self) -> dict[str, str]:
        """What a process needs to find the store."""
        return {"AWS_ENDPOINT_URL": self.endpoint, **{key.upper().replace("REGION_NAME", "AWS_DEFAULT_REGION"): value
                                                     for key, value in self.credentials().items()}}

    def key(self, uri: str) -> str:
        prefix = f"s3://{self.bucket}/"
        assert uri.startswith(prefix), f"{uri} is not in {prefix}"
        return uri.removeprefix(prefix)

    def keys(self, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def upload(self, path: str, key: str) -> None:
        """As the launcher's `UploadBlob`: files alone, so an empty folder leaves nothing; nothing where there is no path."""
        if not os.path.exists(path):
            return
        if not os.path.isdir(path):
            self.client.upload_file(path, self.bucket, key)
            return
        for name in os.listdir(path):
            self.upload(f"{path}/{name}", f"{key}/{name}")

    def download(self, path: str, key: str) -> None:
        """As the launcher's `DownloadBlob`: each object becomes a file, a marker of a folder too."""
        for one in self.keys(key):
            if one != key and not one.startswith(f"{key}/"):
                continue
            target = Path(os.path.normpath(os.path.join(path, os.path.relpath(one, key))))
            target.parent.mkdir(parents=True, exist_ok=True)
            self.client.download_file(self.bucket, one, str(target))


@contextlib.contextmanager
def running_store(bucket: str, address: str = "127.0.0.1") -> Iterator[Store]:
    """A store for as long as the block runs.

    Args:
        bucket: its name.
        address: that it listens on; loopback, or one of a network of our own.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    server = ThreadedMotoServer(ip_address=address, port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Store(f"http://{host}:{port}", bucket)
    finally:
        server.stop()
