from html.parser import HTMLParser
from pathlib import Path

from egotool.reporting import collect_outcomes
from egotool.reporting.page import is_page, read_page, write_page
from tests.reporting.fabricated import make_run
from tests.reporting.page.samples import trained

VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Reads a page as a browser would, and fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            {"id": self.ids, "href": self.links, "src": self.sources}.get(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += " ".join(data.split()) + " "


def write(runs: Path, out: Path) -> Reader:
    write_page(read_page(collect_outcomes(runs), runs=runs), out)
    return Reader(out.read_text(encoding="utf-8"))


def test_a_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    trained(runs, "rgb", model="convlstm-attention", right=5)
    trained(runs, "dynamic", model="dynamic-net", right=9)
    page = write(runs, tmp_path / "page.html")
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} == set(page.ids)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert not {"script", "link", "iframe"} & page.tags
    for said in ("68.38", "90.0", "dynamic", "convlstm-attention", "The interval excludes 0: A is better"):
        assert said in page.text


def test_every_interval_says_what_was_resampled(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for seed in (0, 1):
        trained(runs, f"dynamic-{seed}", model="dynamic-net", seed=seed)
    trained(runs, "idt", model="idt-net", seed=7)
    trained(runs, "rgb", model="convlstm-attention", seed=0)
    page = write(runs, tmp_path / "page.html")
    assert "Dynamic-net: 95% interval of the difference: bootstrap over segments and trials," in page.text
    assert "IDT-net: 95% interval of the difference: bootstrap over segments," in page.text
    assert f"egotool sweep --table 3 --runs {runs}" in page.text


def test_names_of_others_are_text_and_nothing_else(tmp_path: Path) -> None:
    runs = tmp_path / "<script>runs"
    run = trained(runs, "<img src=x onerror=alert(1)>", model="dynamic-net")
    record = (run.folder / "run.json").read_text()
    (run.folder / "run.json").write_text(
        record.replace("auto: there is no GPU", "<script>alert(`1`)</script>")
    )
    scores = run.scores_file("test").read_text()
    run.scores_file("test").write_text(scores.replace("take_cup", "<script>take</script>_cup"))
    make_run(runs, "<b>going", model="dynamic-net", status="training")
    page = write(runs, tmp_path / "page.html")
    assert not {"script", "b"} & page.tags
    assert all(source.startswith("data:") for source in page.sources)
    for said in ("<img src=x", "<script>take</script> cup", "<script>alert(", "<b>going"):
        assert said in page.text


def test_pages_are_told_from_other_files(tmp_path: Path) -> None:
    trained(tmp_path / "runs", "dynamic", model="dynamic-net")
    write(tmp_path / "runs", tmp_path / "page.html")
    assert is_page(tmp_path / "page.html")
    (tmp_path / "other.html").write_text("<html><body>thesis</body></html>")
    assert not is_page(tmp_path / "other.html")


def test_runs_without_weights_predictions_or_best_epoch_have_their_place(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    make_run(runs, "rgb", model="convlstm-attention", epochs=0, reason="imported from model.pth")
    make_run(runs, "dynamic", model="dynamic-net")
    page = write(runs, tmp_path / "page.html")
    assert "not kept" in page.text and "predictions" in page.text
    assert "to fill" in page.text.lower()
