"""The import of a public log as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.interactions.config import RequestsConfig, interactions_schema
from benchmarks.interactions.items import catalogue
from benchmarks.interactions.kinds import KINDS
from zoo import files
from zoo.config import ConfigError, nearest
from zoo.data.request_log import RequestLog, RequestLogWriter


def import_interactions(kind: str, folder: str | Path, out: files.PathLike, config: RequestsConfig | None = None, *,
                        overwrite: bool = False,
                        on_progress: Callable[[str, int, int], None] = lambda what, done, total: None) -> RequestLog:
    """Makes a request log from a public log of interactions, by its published protocol.

    The interactions are held in memory; requests are made and written one after the other.

    Args:
        kind: `grocery`, `beauty` or `lastfm`.
        folder: with the files as published, plain or .gz.
        out: folder to make; a local path or a URI.
        config: settings of the protocol; its defaults where None.
        overwrite: replace an existing request log.
        on_progress: called with what is being done, how much of it, and of how much.

    Returns:
        The request log.

    Raises:
        ConfigError: no such kind, or settings of another protocol.
        InteractionsError: a file is absent, a row is wrong, or the protocol can't be followed.
        RequestLogError: the log exists, or a split stays empty.

    Example:
        >>> import_interactions("grocery", "data/grocery", "runs/grocery/log").manifest["splits"]["test"]["requests"]
        14681
    """
    if kind not in KINDS:
        raise ConfigError(f"no public log is known as {kind!r}{nearest(kind, KINDS)}")
    known = KINDS[kind]
    config = known.config() if config is None else config
    if type(config) is not known.config:
        raise ConfigError(f"{kind} is made by {known.config.__name__}, got {type(config).__name__}")
    on_progress("reading", 0, 1)
    data = known.read(Path(folder))
    schema = interactions_schema(kind, config, data.attributes, gap=known.ordered)
    source = {"kind": "interactions", "log": kind, "from": known.source, "config": config.model_dump(mode="json")}
    done, user, total = 0, None, len(data.users)
    with RequestLogWriter(out, schema, source, overwrite=overwrite) as log:
        for split, request in known.requests(data, config):
            log.write(split, request)
            if request.features["user_id"] != user:
                user, done = request.features["user_id"], done + 1
                on_progress("making requests", done, total)
        log.write_catalogue(catalogue(data))
        log.notes = {"times": data.timed, "users": total, "items": len(data.items), "floors": known.floors,
                     "published": known.published}
    return RequestLog(out)
