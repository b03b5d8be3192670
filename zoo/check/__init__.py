"""What a request log holds and what is wrong with it: counts, shapes, leaks."""

from zoo.check.check import check_log, report_json

__all__ = ["check_log", "report_json"]
