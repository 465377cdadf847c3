"""A run folder as one self-contained HTML page; knows sections, and nothing of the wing that wrote them."""

from antigrad.report.write import write_report

__all__ = ["write_report"]
