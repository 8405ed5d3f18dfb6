"""What a browser, and who cannot see, would make of a page."""

import itertools
import re
from collections.abc import Iterator

from lxml import html

_SELECTORS = {"light": r":root \{(.*?)\}", "dark": r"dark\) \{\s*:root \{(.*?)\}"}
# Below this, WCAG 2.2 (success criterion 1.4.3) does not let text stand.
LEAST_CONTRAST = 4.5
_BACKGROUNDS = ("paper", "card")
_LINES = {"line"}


def parse(page: str) -> html.HtmlElement:
    return html.document_fromstring(page)


def text_of(element: html.HtmlElement) -> str:
    """Returns the text, white space made one blank."""
    return " ".join(" ".join(element.itertext()).split())


def faults(page: str) -> list[str]:
    """Returns what would keep someone from reading the page."""
    return list(_faults(parse(page))) + list(_low_contrasts(page))


def _faults(root: html.HtmlElement) -> Iterator[str]:
    if not root.get("lang"):
        yield "no language"
    if not root.findtext(".//title"):
        yield "no title"
    if len(root.findall(".//main")) != 1 or len(root.findall(".//h1")) != 1:
        yield "not one main and one h1"
    yield from (f"no alt: {each.attrib}" for each in root.iter("img") if not each.get("alt"))
    yield from _heading_jumps(root)
    yield from _table_faults(root)
    yield from _broken_references(root)


def _heading_jumps(root: html.HtmlElement) -> Iterator[str]:
    headings = root.xpath("//h1|//h2|//h3|//h4|//h5|//h6")
    levels = [int(each.tag[1]) for each in headings]
    for before, after in itertools.pairwise(levels):
        if after > before + 1:
            yield f"h{after} after h{before}"


def _table_faults(root: html.HtmlElement) -> Iterator[str]:
    for table in root.iter("table"):
        if table.find("caption") is None or not text_of(table.find("caption")):
            yield "table without a caption"
        yield from (
            f"no scope: {text_of(each)}" for each in table.iter("th") if not each.get("scope")
        )
        widths = {len(row) for row in table.iter("tr")}
        if len(widths) != 1:
            yield f"rows of {widths} cells: {text_of(table.find('caption'))}"
        parent = table.getparent()
        if parent.get("tabindex") != "0" or parent.get("role") != "region":
            yield "a table that no key can scroll"


def _broken_references(root: html.HtmlElement) -> Iterator[str]:
    ids = root.xpath("//@id")
    yield from (f"id twice: {each}" for each in set(ids) if ids.count(each) > 1)
    wanted = [each.removeprefix("#") for each in root.xpath("//a/@href | //@aria-labelledby")]
    yield from (f"no element {each}" for each in wanted if each not in ids)


def _low_contrasts(page: str) -> Iterator[str]:
    for scheme, selector in _SELECTORS.items():
        found = re.search(selector, page, re.DOTALL)
        assert found, f"no colours of the {scheme} scheme"
        colors = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", found[1]))
        for name in set(colors) - {*_BACKGROUNDS, *_LINES}:
            for background in _BACKGROUNDS:
                ratio = contrast(colors[name], colors[background])
                if ratio < LEAST_CONTRAST:
                    yield f"{scheme}: {name} on {background} has a contrast of {ratio:.2f}"


def contrast(one: str, other: str) -> float:
    """Returns the contrast ratio of two colours `#rrggbb`, as WCAG 2.2 defines it."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = [int(color[first : first + 2], 16) / 255 for first in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
