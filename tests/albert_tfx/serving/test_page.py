"""The page to try texts, in a browser: by keyboard, on a phone, and with hostile texts."""

from collections.abc import Iterator

import pytest

from tests.support import browser, text_server
from tests.support.browser import Tab
from tests.support.text_server import Client, started

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.CHROMIUM is None, reason="needs Chromium"),
]
_ANSWERS = "document.querySelectorAll('#answers li')"
_HOSTILE = "<img src=x onerror=\"document.title='it ran'\"><script>document.title='it ran'</script>"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    output = tmp_path_factory.mktemp("output")
    text_server.push(output, 7)
    with started(f"--output={output}", "--max-text-bytes=1000") as client:
        yield client


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser.tab(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture
def page(chromium: Tab, client: Client) -> Tab:
    chromium.size(1280, 800)
    chromium.open(f"http://{client.address}/")
    chromium.wait("document.getElementById('model').dataset.state === 'known'")
    chromium.complaints.clear()
    return chromium


def shown(page: Tab, count: int) -> str:
    """Waits for a number of answers; returns the text of the newest."""
    page.wait(f"{_ANSWERS}.length === {count}")
    text: str = page.value(f"{_ANSWERS}[0].innerText")
    return text


def test_the_keyboard_alone_classifies_text_after_text(page: Tab):
    page.type("a good film")
    page.press_enter()
    assert shown(page, 1).split() == [
        *("a", "good", "film", "good", "good", "70.0%", "bad", "30.0%", "version", "7")
    ]
    page.type("a poor one")  # in place of the first, which is selected
    page.press_enter()
    assert "bad" in shown(page, 2).splitlines()
    assert page.value("document.activeElement.id") == "text"
    assert page.complaints == []


def test_a_finger_does_on_a_narrow_screen_and_nothing_sticks_out(page: Tab):
    page.size(360, 640)
    page.type("good " * 150)
    page.tap("button")
    assert "70.0%" in shown(page, 1)
    assert page.value("document.documentElement.scrollWidth") == 360
    assert page.value("document.querySelector('button').offsetHeight") >= 44


def test_a_text_is_shown_and_never_run(page: Tab):
    page.type(_HOSTILE)
    page.press_enter()
    assert _HOSTILE in shown(page, 1)
    assert page.value("document.title") == "Try the classifier"
    assert page.value("document.querySelectorAll('#answers img, #answers script').length") == 0


def test_a_script_that_gets_into_the_page_is_refused_by_the_policy(page: Tab):
    page.value(
        "(() => { const s = document.createElement('script'); s.textContent ="
        " \"document.title = 'it ran'\"; document.body.append(s); })()"
    )
    assert page.value("document.title") == "Try the classifier"
    assert any("Content Security Policy" in each for each in page.complaints)


def test_a_refusal_is_said_in_the_page(page: Tab):
    page.type("a" * 1001)
    page.press_enter()
    page.wait("document.getElementById('error').textContent")
    assert page.value("document.getElementById('error').textContent") == (
        "That did not work: A text has 1,001 bytes, and 1,000 are allowed"
    )
    assert page.value("document.querySelector('button').disabled") is False


@pytest.mark.parametrize("is_dark", [False, True])
def test_both_schemes_have_the_contrast_that_text_needs(page: Tab, is_dark: bool):
    from tests.support.pages import LEAST_CONTRAST, contrast

    page.size(1280, 800, is_dark)
    colors = {
        name: page.value(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')")
        for name in ("paper", "card", "ink", "muted", "accent", "error")
    }
    for name in ("ink", "muted", "accent", "error"):
        for background in ("paper", "card"):
            assert contrast(colors[name], colors[background]) >= LEAST_CONTRAST, name
