"""What the splits of a request log and their files are called."""

SPLITS = ("train", "validation", "test")
SHARDS = "requests-*.tfrecord.gz"
