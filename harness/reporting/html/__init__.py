"""The HTML reports: pages that open from disk, with everything there is to show.

Where a case ran, its view is made, plain data (:mod:`harness.reporting.html.view`); the controlling process
puts all views into one page (:mod:`harness.reporting.html.run`), which draws itself from them.
"""
