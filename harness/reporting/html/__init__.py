"""The HTML report: one page that opens from disk, with everything a run has to show.

Where a case ran it becomes a :class:`~harness.reporting.html.view.CaseView` of plain data; the controlling
process puts the views of all cases into the page (:mod:`harness.reporting.html.run`). The page draws itself
from that data, so no text of a case or an environment is ever markup.
"""
