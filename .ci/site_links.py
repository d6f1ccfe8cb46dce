"""A hook of mkdocs: links from the pages to files of the repository beside docs/."""

import re
from typing import Any

_OUT_OF_DOCS = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\.\./([^)\s]+)\)")


def on_page_markdown(markdown: str, config: Any, **_: Any) -> str:
    """Lead each such link to the repository; where the site has no ``repo_url``, keep its text alone."""
    to_file = rf"[\1]({config.repo_url.rstrip('/')}/blob/main/\2)" if config.repo_url else r"\1"
    return _OUT_OF_DOCS.sub(to_file, markdown)
