"""The HTML reports: pages that open from disk, with everything there is to show."""
