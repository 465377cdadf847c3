"""A run folder as one self-contained HTML page, and its ledger as tables; knows nothing of the wing that wrote them."""

from antigrad.core.tables import write_tables
from antigrad.report.write import write_report

__all__ = ["write_report", "write_tables"]
