"""The browser that the tests of the page share."""

from __future__ import annotations

import re

import pytest
from browser import NAMES, Browser, find_browser


@pytest.fixture(scope="module")
def running_browser():
    program = find_browser()
    if program is None:
        pytest.skip(f"no browser: install the package chromium (looked for {', '.join(NAMES)})")
    made = Browser(program)
    yield made
    made.close()


@pytest.fixture
def browser(running_browser):
    """A browser with nothing logged; at the end the page may have logged nothing.

    It may have asked for nothing but the pictures in its own folder.
    """
    running_browser.console.clear()
    running_browser.requests.clear()
    running_browser.view(1280, 900)
    yield running_browser
    assert running_browser.console == []
    loaded = [url for url in running_browser.requests if not url.startswith("data:")]
    own = re.compile(r"file:///[^#]*/(index\.html|pictures/[0-9a-f]{32}\.png)(#.*)?")
    assert all(map(own.fullmatch, loaded)), loaded
