"""The page's routes, asked in process."""

import re
from html.parser import HTMLParser

import pytest
from litestar.testing import TestClient
from rig import NeighbourEngine, OneBundle
from stationer import app_on, new_shop

VOID = {"meta", "link", "img", "input", "br"}
PEOPLE = ["ann", "ben", "eve%20%26%20co%2F%C3%A9", "gus", "nobody-yet"]


class Outline(HTMLParser):
    """Refuses a page whose elements do not close in order; keeps ids, labels and what is loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.loaded, self.headings, self.unnamed = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.loaded += [v for k, v in attrs if k == "src" or (k == "href" and tag == "link")]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img" and "alt" not in attributes:
            self.unnamed.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(text):
    found = Outline()
    found.feed(text)
    found.close()
    assert found.open == []
    return found


@pytest.mark.parametrize("query", ["", *(f"?person={who}" for who in PEOPLE), "?visitor=visitor-1"])
def test_a_page_is_whole_and_loads_nothing_from_elsewhere(page, query):
    answer = page.get(f"/{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    found = outline(answer.text)
    assert len(set(found.ids)) == len(found.ids)
    assert found.unnamed == []
    assert found.headings[0] == 1
    assert found.headings.count(1) == 1
    assert found.loaded
    for address in found.loaded:
        assert address.startswith("/demo/static/")
        assert page.get(address).status_code == 200


def test_the_first_page_shows_the_most_recent_regular(page):
    text = page.get("/").text
    assert "Customer ann" in text
    assert "By somebody" in text
    assert "Stationer" in text


@pytest.mark.parametrize("who", PEOPLE)
def test_a_customer_has_history_a_list_and_reasons(page, who):
    text = page.get(f"/demo/people/{who}").text
    outline(text)
    assert 'class="suggestions"' in text
    assert "data-act" not in text


def test_a_visitor_can_act(page):
    text = page.get("/demo/visitors/v-1").text
    assert text.count('data-act="purchase"') == 7
    assert 'data-recommendation="r-1" data-position="0"' in text
    event = {"event_id": "e1", "session_id": "v-1", "item_id": "c1", "event_type": "purchase"}
    assert page.post("/v1/events", json=event).status_code == 200
    text = page.get("/demo/visitors/v-1").text
    assert re.search(r"<h3>\s*Scented candle", text)
    assert "Because of" in text


def test_what_people_wrote_is_text_and_never_markup(page):
    text = page.get("/demo/visitors/v-1").text
    assert "Lunch box &lt;b&gt;bold&lt;/b&gt;" in text
    assert "<b>bold</b>" not in text
    assert "Lunch bag &amp; flask" in text
    found = page.get("/demo/products", params={"q": '"><script>alert(1)</script>'}).text
    assert "<script" not in found
    assert "<script" not in page.get("/demo/people", params={"q": "<script>alert(1)</script>"}).text


def test_search_finds_customers_and_products(page):
    assert 'data-person="ann"' in page.get("/demo/people?q=france").text
    assert "Nobody matches" in page.get("/demo/people?q=zz").text
    assert "Regulars" in page.get("/demo/people").text
    found = page.get("/demo/products?q=PENCIL red").text
    assert found.count('data-act="view"') == 1
    assert page.get("/demo/products?q=").text.strip() == ""


def test_who_was_forgotten_is_not_on_the_page():
    shop = new_shop()
    with TestClient(app_on(shop)) as page:
        assert 'data-person="ann"' in page.get("/demo/people?q=ann").text
        shop.forget_user("ann")
        assert 'data-person="ann"' not in page.get("/demo/people?q=ann").text + page.get("/demo/people").text


def test_every_answer_forbids_foreign_scripts(page):
    for path in ("/", "/demo/people/ann", "/demo/people?q=a", "/demo/static/page.js"):
        headers = page.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/demo/static/nothing.css", "/demo/static/..%2Fhandlers.py", "/demo/static/"])
def test_only_the_page_s_files_are_served(page, path):
    assert page.get(path).status_code == 404


def test_an_id_that_nobody_can_have_is_refused(page):
    assert page.get("/demo/people/" + "x" * 600).status_code == 400


def test_an_empty_shop_shows_a_new_visitor():
    shop = new_shop()
    shop._events.clear()
    with TestClient(app_on(shop)) as client:
        text = client.get("/").text
    outline(text)
    assert "A new visitor" in text


def test_without_metrics_the_page_says_so(shop):
    with TestClient(app_on(shop, registry=OneBundle({}))) as client:
        assert "holds no offline metrics" in client.get("/").text


def test_the_page_draws_whom_the_mixer_trusts_where_the_bundle_tells(shop):
    with TestClient(app_on(shop)) as client:
        text = client.get("/").text
    outline(text)
    assert "Who is trusted, and when?" in text
    assert 'aria-label="content 80 %, collaborative 10 %, popularity 10 %"' in text
    with TestClient(app_on(shop, registry=OneBundle(warmth=[]))) as client:
        assert "Who is trusted" not in client.get("/").text


def test_without_a_bundle_the_page_says_what_to_do(shop):
    engine = NeighbourEngine(shop)
    engine.bundle_id = None
    with TestClient(app_on(shop, engine=engine)) as client:
        answer = client.get("/")
    outline(answer.text)
    assert answer.status_code == 503
    assert "coldframe train" in answer.text
