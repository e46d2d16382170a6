"""The page: nothing that a submitter wrote runs in it, and in a browser it does what it says."""

from __future__ import annotations

import base64
import copy
import hashlib
import html
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from vidzoo.anatomy import ACTION_FAMILIES, BENCHMARK_JOINTS
from vidzoo.leaderboard.page import render_page

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><b>x", "{{7*7}}", "W" * 80]
BASELINES = (("training", 0.2), ("action", 0.18))
FIGURES = ("mPJE_mean", "mPJE_sum", "lower_limb_mean", "RMSE", "percent_BWht", "pearson_r", "R2")


class Tags(HTMLParser):
    """Collect a page's tags and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def make_row(model: str, rank: int | None, mean: float | None, badge: str | None = "rescored", **more: Any) -> dict:
    """Make a row as vidzoo.leaderboard.table has them; a baseline has no badge."""
    figures = dict.fromkeys(FIGURES, mean)
    row = {
        "model": model,
        "overall": figures,
        "joint": {name: mean and mean * (1 + i / 10) for i, name in enumerate(BENCHMARK_JOINTS)},
        "action": {name: mean and mean * (1 + i / 20) for i, name in enumerate(ACTION_FAMILIES)},
    }
    if badge == "claimed":
        row |= {"id": None, "rank": None, "badge": badge, "source": "A paper, Table 2", "remark": "Odd sum."}
    elif badge is not None:
        row |= {
            "id": f"20260101T000000000000Z-{rank}",
            "sha256": "0" * 64,
            "rank": rank,
            "badge": badge,
            "authors": [model],
            "licence": "CC-BY-4.0",
            "submitted": "2026-01-01T00:00:00.000000Z",
            "inputs": ["markers"],
            "modality": "markers",
            "images": [],
            "parameters": 1000 * (rank or 1),
            "seconds_per_1000_predictions": None,
            "remark": model,
            "card": f"cards/{'0' * 64}.md",
            "entry": "submissions/tiny@1/block/x.json",
            "superseded_by": None,
            "interval": [0.9 * mean, 1.1 * mean] if mean else None,
            "no_interval": None if mean else "2 trials; an interval needs at least 5",
            "above_best": {"value": 0.01, "low": -0.01, "high": 0.03, "told_apart": False} if rank == 2 else None,
            "not_compared": None,
            "all_labels": mean,
        }
    return row | more


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    """A benchmark of hostile names, a claimed, a superseded and an undefined row; one that waits; an empty one."""
    rows = [make_row(name, i, i / 50) for i, name in enumerate(HOSTILE, start=1)]
    rows.append(make_row("video", 6, 0.15, modality="images", images=["rendered"], inputs=["frames"]))
    rows.append(make_row("undefined", 7, None))
    rows.append(make_row("old", None, 0.01, superseded_by=rows[0]["id"]))
    rows.append(make_row("printed", None, 0.02, "claimed"))
    full = {
        "id": "tiny@1/block",
        "rule": "Ends of trials.",
        "motion": "synthetic",
        "source": "a test",
        "waiting": False,
        "leaks": True,
        "joints": list(BENCHMARK_JOINTS),
        "rows": rows,
        "baselines": [make_row(f"baseline: {name} mean", None, mean, None) for name, mean in BASELINES],
    }
    empty = full | {"id": "tiny@1/trial", "rows": [], "baselines": [], "leaks": False, "waiting": True}
    return {"benchmarks": [empty, full]}


def test_the_same_table_gives_the_same_bytes(table):
    assert render_page(table) == render_page(copy.deepcopy(table))


def test_strangers_texts_are_escaped(table):
    page = render_page(table).decode()
    for name in HOSTILE[:3]:
        assert name not in page
        assert html.escape(name).replace("&#x27;", "'").replace("&quot;", "&#34;") in page
    parsed = Tags()
    parsed.feed(page)
    names = [name for name, _ in parsed.found]
    assert names.count("script") == 1 and "img" not in names and names.count("b") < 20
    attributes = {key for _, attributes in parsed.found for key, _ in attributes}
    assert not any(key.startswith("on") for key in attributes) and "style" not in attributes
    assert "{{7*7}}" in page


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else(table):
    page = render_page(table).decode()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1])
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    assert not re.search(r"""(src|href|action|url)\s*[=(]\s*["']?(https?:)?//""", page), "nothing from elsewhere"


def test_figures_are_the_tables(table):
    page = render_page(table).decode()
    for row in table["benchmarks"][1]["rows"]:
        if row["overall"]["mPJE_mean"] is not None:
            assert f">{row['overall']['mPJE_mean']:.4f}</td>" in page
            assert all(f">{value:.4f}</td>" in page for value in (*row["joint"].values(), *row["action"].values()))
    share = 0.02 / 0.2
    assert f">{share:.2f}</td>" in page


def test_who_is_not_told_apart_is_marked_and_why_there_is_no_interval_is_said(table):
    page = render_page(table).decode()
    assert page.count(">≈ -0.0100 to +0.0300</td>") == 1
    assert "No interval for undefined: 2 trials; an interval needs at least 5." in page


def test_a_claimed_row_says_where_it_is_from_and_is_not_measured_against_the_best(table):
    page = render_page(table).decode()
    assert "claimed: A paper, Table 2. Odd sum." in page
    row = re.search(r'<tr class="claimed".*?</tr>', page, re.DOTALL)[0]
    assert row.count("–") >= 5


# --- in a browser ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if driver is None or chromium is None:
        pytest.skip("the packages chromium and chromium-driver are not installed")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium (the extra 'dev') is not installed")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    yield found
    found.quit()


@pytest.fixture
def page(browser, table, tmp_path: Path) -> Any:
    """The browser with the page in it."""
    path = tmp_path / "index.html"
    path.write_bytes(render_page(table))
    browser.get(path.as_uri())
    return browser


def visible(page: Any, nth: int = 0) -> list[str]:
    """Return the models of the nth table's visible rows, in their order."""
    return page.execute_script(
        """return [...document.querySelectorAll('table')[arguments[0]].tBodies[0].rows]
           .filter(row => row.offsetParent !== null).map(row => row.querySelector('th').innerText.trim())""",
        nth,
    )


def choose(page: Any, control: str, value: Any) -> None:
    page.execute_script(
        """const c = document.getElementById(arguments[0]);
           if (c.type === 'checkbox') c.checked = arguments[1]; else c.value = arguments[1];
           c.dispatchEvent(new Event('change'));""",
        control,
        value,
    )


def test_it_opens_in_a_browser_without_a_complaint(page):
    assert page.get_log("browser") == []
    assert visible(page)[0] == HOSTILE[0], "a name is shown as it was written"
    from selenium.common.exceptions import NoAlertPresentException

    with pytest.raises(NoAlertPresentException):
        page.switch_to.alert  # noqa: B018


def test_headers_sort_both_ways_and_the_undefined_comes_last(page):
    headers = page.find_element("tag name", "table").find_elements("css selector", "thead button")
    by_name = {header.text: header for header in headers}
    by_name["mPJE_mean"].click()
    up = visible(page)
    assert up[-1] == "undefined" and up.index("printed") < up.index("video") < up.index("baseline: training mean")
    assert by_name["mPJE_mean"].find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    by_name["mPJE_mean"].click()
    down = visible(page)
    assert down[0] == "baseline: training mean" and down[-1] == "undefined"
    by_name["model"].click()
    names = [name.lower() for name in visible(page)]
    assert names.index("printed") < names.index("undefined") < names.index("video")


def test_filters_hide_and_show(page):
    assert "old" not in visible(page), "superseded entries are hidden until asked for"
    choose(page, "superseded", True)
    assert "old" in visible(page)
    choose(page, "modality", "images")
    assert visible(page) == ["video", "baseline: training mean", "baseline: action mean"]
    choose(page, "modality", "")
    sections = page.find_elements("css selector", "section.benchmark")
    assert [section.is_displayed() for section in sections] == [True, False], "the first with entries"
    choose(page, "benchmark", "")
    assert all(section.is_displayed() for section in sections)


def test_a_phone_shows_it_without_moving_sideways(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 700, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        page.execute_script("for (const d of document.querySelectorAll('details')) d.open = true;")
        width, inner = page.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert width <= inner == 360
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_without_javascript_all_is_there(page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.refresh()
        text = page.find_element("tag name", "body").text
        assert all(name in text for name in (*HOSTILE, "old", "printed", "tiny@1/trial"))
        assert not page.find_element("id", "filters").is_displayed(), "no control that does nothing"
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
