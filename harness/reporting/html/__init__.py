"""The HTML reports: self-contained pages that open from disk."""
