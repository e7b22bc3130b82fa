"""What a page of HTML is made of, and what is wrong with it."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Page(HTMLParser):
    """What a page is made of: its elements in order, and everything about it that is wrong."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.errors: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._captions: list[int] = []
        self.feed(text)
        self.close()
        self.errors += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            self.elements.append((tag, dict(attrs)))
            return
        self._open.append(tag)
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self._captions.append(0)
        if tag == "caption":
            self._captions[-1] += 1

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self._open or self._open[-1] != tag:
            self.errors.append(f"</{tag}> closes <{self._open[-1] if self._open else 'nothing'}> at {self.getpos()}")
            return
        self._open.pop()
        if tag == "table" and self._captions.pop() != 1:
            self.errors.append(f"table without its caption at {self.getpos()}")

    def handle_data(self, data):
        if not self._open or self._open[-1] != "style":
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.words).split())
