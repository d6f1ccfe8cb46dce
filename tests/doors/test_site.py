"""The documentation builds as a site, without a warning; reading it fetches nothing from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_is_in_it(site):
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert pages == {path.parent.name for path in site.glob("*/index.html")}


def test_no_list_or_table_of_github_is_a_paragraph_there(site):
    for path in site.glob("**/index.html"):
        paragraphs = re.findall(r"<p>(.*?)</p>", path.read_text(), flags=re.DOTALL)
        assert [each for each in paragraphs if re.search(r"^(- |\d+\. |\||```)", each, re.MULTILINE)] == []


def test_reading_it_fetches_nothing_from_elsewhere(site):
    for path in site.glob("**/index.html"):
        text = path.read_text()
        fetched = re.findall(r"<(?:script|img|iframe)[^>]* src=\"?(https?:[^\"\s>]+)", text)
        fetched += re.findall(
            r"<link[^>]* rel=\"?(?:stylesheet|preconnect)[^>]*href=\"?(https?:[^\"\s>]+)", text
        )
        assert fetched == []


def test_a_link_out_of_the_pages_leads_to_no_page_of_the_site(site):
    assert 'href="../SECURITY.md' not in (site / "pipelines" / "index.html").read_text()
