"""What a run learns from."""

from __future__ import annotations

import pydantic

from zoo.config import Config


class DataConfig(Config):
    """Args:
        log: folder of the request log; the command line may name it instead. With `{SPAN}`, or `{YYYY}`, `{MM}` and `{DD}`, in
            its name there is a log of each span.
        cluster_log: the same log as a cluster reaches it (`gs://…`), for compiled pipelines; `log` by default.
        raw: in place of `log`, raw files that the pipeline imports first: files, folders or patterns; with `{SPAN}`, or
            `{YYYY}`, `{MM}` and `{DD}`, in their names (and `{VERSION}`), those of the newest span.
        prior: raw files with earlier events of the sessions, for histories alone.
        config: of the import: a YAML file, or the name of one that comes with the package.
        span: of `raw` to import, or of `log` to read, not the newest one; a date counts in days since 1970.
        labels: of the log that are learned; all of them by default. With one alone, a model of several tasks has one.
        statistics_share: of the requests that StatisticsGen looks at, evenly over the log. A large log's statistics are the
            same by a tenth of it, but what is wrong with single requests may go unseen.
    """

    log: str | None = None
    cluster_log: str | None = None
    raw: tuple[str, ...] = ()
    prior: tuple[str, ...] = ()
    config: str | None = None
    span: int | None = pydantic.Field(default=None, ge=0)
    labels: tuple[str, ...] = ()
    statistics_share: float = pydantic.Field(default=1.0, gt=0, le=1)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> DataConfig:
        if self.raw and (self.log or self.cluster_log):
            raise ValueError("either a request log is named (`log`), or the raw files that one is made of (`raw`)")
        if self.raw and not self.config:
            raise ValueError("`raw` needs `config`, the import configuration of the files: a YAML file, or the name of one "
                             "that comes with the package")
        if not self.raw and (self.prior or self.config):
            raise ValueError("`prior` and `config` are for `raw`, which names no files")
        if not self.raw and self.span is not None and self.log is not None and "{" not in self.log:
            raise ValueError("`span` says which of several logs is read, and `log` names one alone; such as days/{SPAN}")
        return self
