"""A fit told to a reader: one HTML file that needs nothing else, and the same numbers as JSON and CSV."""

from __future__ import annotations

from scaling_bayes.report.blocks import Report
from scaling_bayes.report.build import COST_QUESTION, QUESTION, build_report
from scaling_bayes.report.render import render_html
from scaling_bayes.report.write import write_report

__all__ = ["COST_QUESTION", "QUESTION", "Report", "build_report", "render_html", "write_report"]
