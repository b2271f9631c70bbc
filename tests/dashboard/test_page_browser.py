"""The page in a real browser: what a person can do, at two widths, light and dark, by mouse and by keyboard."""

import pytest
from browser import chromium
from page_server import served
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from stationer import app_on, new_shop

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address():
    with served(app_on(new_shop())) as found:
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as session:
        yield session


def until(browser, question):
    return WebDriverWait(browser, 10).until(lambda _: question())


def texts(browser, selector):
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector)]


def titles(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('.suggestions h3')].map(h => h.firstChild.textContent.trim())"
    )


def resize(browser, width, height=900):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )


def test_a_customer_is_picked_and_told(browser, address):
    browser.get(address)
    assert "Customer ann" in browser.find_element(By.ID, "person").text
    browser.find_element(By.CSS_SELECTOR, "[data-person='ben']").click()
    until(browser, lambda: "Customer ben" in browser.find_element(By.ID, "person").text)
    assert browser.current_url.endswith("/?person=ben")
    assert titles(browser)[0] == "Scented candle"
    assert "Because of" in texts(browser, ".because")[0]
    assert browser.find_element(By.CSS_SELECTOR, "[data-person='ben']").get_attribute("aria-current") == "true"


def test_a_new_visitor_acts_and_the_list_changes(browser, address):
    browser.get(address)
    browser.find_element(By.CSS_SELECTOR, ".newcomer").click()
    until(browser, lambda: "A new visitor" in browser.find_element(By.ID, "person").text)
    before = titles(browser)
    search = browser.find_element(By.CSS_SELECTOR, ".finder input")
    search.send_keys("blue pencil")
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#products [data-act='purchase']"))
    browser.find_element(By.CSS_SELECTOR, "#products [data-act='purchase']").click()
    until(browser, lambda: "Blue pencil" in " ".join(texts(browser, ".history li")))
    after = titles(browser)
    assert after != before
    assert {after[0], after[1]} == {"Red pencil", "Green pencil"}
    assert "Blue pencil" not in after
    browser.find_element(By.CSS_SELECTOR, "[data-start-over]").click()
    until(browser, lambda: titles(browser) == before)


def test_the_keyboard_is_enough(browser, address):
    browser.get(address + "/?person=ben")
    browser.find_element(By.CSS_SELECTOR, "[data-person='ann']").send_keys(Keys.ENTER)
    until(browser, lambda: "Customer ann" in browser.find_element(By.ID, "person").text)
    opened = browser.find_element(By.CSS_SELECTOR, ".experts summary")
    opened.send_keys(Keys.ENTER)
    assert browser.find_element(By.CSS_SELECTOR, ".experts table").is_displayed()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", ["/?person=ann", "/?visitor=visitor-7"])
def test_the_page_fits_its_width_and_can_be_read(browser, address, width, scheme, query):
    resize(browser, width)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get(address + query)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(CONTRASTS) == []
    assert browser.execute_script(NAMELESS) == []
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def test_without_scripts_a_customer_is_still_shown(address, tmp_path):
    with chromium(tmp_path, extra=("--blink-settings=scriptEnabled=false",)) as session:
        session.get(address + "/?person=ben")
        assert "Customer ben" in session.find_element(By.ID, "person").text
        session.find_element(By.CSS_SELECTOR, "[data-person='ann']").click()
        until(session, lambda: "Customer ann" in session.find_element(By.ID, "person").text)


CONTRASTS = """
const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = node => {
  for (let at = node; at; at = at.parentElement) {
    const colour = rgb(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
const faint = [];
for (const node of document.querySelectorAll('body *')) {
  const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
  if (!own || !node.checkVisibility() || node.closest('.hidden, .skip, noscript')) continue;
  const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(`${node.textContent.trim()}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
}
return faint;
"""
"""Texts whose contrast with what is behind them is below 4.5 to 1."""

NAMELESS = """
return [...document.querySelectorAll('button, a, input, summary')]
  .filter(node => !(node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.length))
  .map(node => node.outerHTML);
"""
"""What can be acted on and has no name that a screen reader could say."""
