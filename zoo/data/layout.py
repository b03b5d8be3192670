"""What the splits of a request log and their files are called."""

SPLITS = ("train", "validation", "test")
# Where a log has it: requests of the test split's time with all that recall found for them, thousands of candidates each.
POOLS = "pools"
SHARDS = "requests-*.tfrecord.gz"
