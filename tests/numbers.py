"""Every number of a page that is a link opens a list with as many rows: pages are asked as people read them."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

LINK = re.compile(r'<a\b[^>]*?href="([^"]+)"[^>]*>(.*?)</a>', re.S)
PAGER = re.compile(r'class="pager-text">\s*[\d,]+–[\d,]+ ?[^\d<]*?([\d,]+)')


def linked_numbers(page: str) -> list[tuple[str, int]]:
    """Return (address, number) of the links of the main part whose text is a number, or begins with a bold one."""
    main = page[page.index("<main") : page.index("</main>")]
    found = []
    for address, inner in LINK.findall(main):
        bold = re.match(r"\s*<strong>\s*([\d,]+)\s*</strong>", inner)
        text = bold.group(1) if bold else re.sub(r"<[^>]+>", "", inner).strip().strip("()")
        if re.fullmatch(r"\d{1,3}(,\d{3})*", text):
            found.append((unescape(address), int(text.replace(",", ""))))
    return found


def rows_of(client, address: str) -> int:
    """Return how many rows the list at an address says it has; no pager, no row."""
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    pager = re.search(r'class="pager-text">(.*?)</span>', answer.content.decode(), re.S)
    if pager is None:
        return 0
    numbers = re.findall(r"[\d,]+", pager.group(1))
    # “1–50 of 812” and “共 812 条，第 1–50 条”: the total is the largest of the three.
    return max(int(number.replace(",", "")) for number in numbers)


def open_rows(client, address: str, *, at_least: int) -> list[tuple[str, int]]:
    """Assert of every linked number of the page that it opens a list of so many rows; return what was followed."""
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    path = answer.request["PATH_INFO"]
    links = [
        (urljoin(path, target), number)
        for target, number in linked_numbers(answer.content.decode())
        if not urlsplit(target).netloc
    ]
    wrong = [(target, number, rows) for target, number in links if (rows := rows_of(client, target)) != number]
    assert not wrong, wrong
    assert len(links) >= at_least, links
    return links
