"""`egotool data check`: what is wrong with a dataset."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from egotool.errors import ManifestError, UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from egotool.inspection import CheckReport, Counts, Finding

SHOWN_PER_KIND = 20
"""Further findings of one kind are counted; --json lists all."""
ACTIONS_SHOWN = 40


def check(
    path: Annotated[Path, typer.Argument(help="A manifest, or a store.", metavar="MANIFEST|STORE")],
    *,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos.", show_default="where the manifest lies")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Labels of a store.", show_default="the store's own")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Compare with what a whole copy has: gtea-61, epic-kitchens-100, …", metavar="NAME"
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Which official split of the dataset.", show_default="the first")
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every frame of videos; read every chunk of a store.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Of a store, look at sizes and headers only.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> None:
    """Say what is wrong with a manifest and its videos, or with a store; write nothing.

    Missing and unreadable videos, segments outside their video, other frame rates, the same content twice,
    damaged chunks, missing flow or masks, actions that are only tested. Exit status 1 if anything is wrong.

    Example: egotool data check store --dataset gtea-61
    """
    from egotool.console import ConsoleProgress
    from egotool.inspection import Expected, check_manifest_file, check_store, is_store
    from egotool.manifests import read_descriptor

    if deep and quick:
        raise UsageError("--deep reads everything and --quick nothing: give only one of them")
    path = manifest_or_store(path)
    _refuse(split is not None and dataset is None, "--split", "needs a --dataset")
    expected = None if dataset is None else Expected.of_dataset(read_descriptor(dataset), split or "1")
    with ConsoleProgress() as progress:
        if is_store(path):
            _refuse(videos is not None, "--videos", "belongs to a manifest, not to a store")
            report = check_store(
                path, manifest_file=manifest, expected=expected, deep=deep, quick=quick, progress=progress
            )
        else:
            _refuse(manifest is not None, "--manifest", "belongs to a store: name the manifest itself")
            _refuse(quick, "--quick", "belongs to a store")
            report = check_manifest_file(path, videos=videos, expected=expected, deep=deep, progress=progress)
    if as_json:
        typer.echo(json.dumps(_document(report), indent=2, ensure_ascii=False))
    else:
        _render(report)
    if not report.ok:
        raise typer.Exit(1)


def manifest_or_store(path: Path) -> Path:
    """Return the manifest for a folder that has one and is no store, else `path` itself.

    Raises:
        ManifestError: if there is nothing, or a folder that is neither.
    """
    from egotool.inspection import is_store

    if not path.exists():
        raise ManifestError(f"{path} is not there: name a manifest, or the folder of a store")
    if not path.is_dir() or is_store(path):
        return path
    inside = path / "manifest.csv"
    if inside.is_file():
        return inside
    raise ManifestError(
        f"the folder {path} is neither a store nor has a manifest.csv: make a store with "
        f"`egotool extract {shlex.quote(str(path))}`, or name a manifest"
    )


def _refuse(given: bool, option: str, why: str) -> None:
    if given:
        raise UsageError(f"{option} {why}")


def _document(report: "CheckReport") -> dict[str, object]:
    counts = report.counts
    return {
        "checked": report.what,
        "ok": report.ok,
        "videos": report.videos,
        "counts": None
        if counts is None
        else {
            "segments": counts.segments,
            "unlabelled": counts.unlabelled,
            "splits": dict(counts.splits),
            "subjects": {name: dict(splits) for name, splits in counts.subjects.items()},
            "actions": {name: dict(splits) for name, splits in counts.actions.items()},
        },
        "problems": [{"kind": each.kind, "text": each.text} for each in report.problems],
        "warnings": [{"kind": each.kind, "text": each.text} for each in report.warnings],
    }


def _render(report: "CheckReport") -> None:
    from egotool.console import output_console

    console = output_console()
    if report.counts is not None:
        render_counts(report.counts, console)
    _render_findings(report.problems, console, word="[red]Problem:[/]")
    _render_findings(report.warnings, console, word="[yellow]Warning:[/]")
    videos = "1 video" if report.videos == 1 else f"{report.videos} videos"
    problems, warnings = len(report.problems), len(report.warnings)
    found = f"{problems} {'problem' if problems == 1 else 'problems'}" if problems else "nothing is wrong"
    if warnings:
        found += f", {warnings} {'warning' if warnings == 1 else 'warnings'}"
    console.print(
        f"\n{report.what}: {videos} looked at; {found}.", markup=False, highlight=False, soft_wrap=True
    )


def render_counts(counts: "Counts", console: "Console") -> None:
    """Print the numbers of segments by subject and by action, each split in a column."""
    splits = [split for split, number in counts.splits.items() if number]
    if len(counts.subjects) > 1 or "" not in counts.subjects:
        console.print(_counts_table("subject", counts.subjects, splits))
        console.print()
    actions = dict(list(counts.actions.items())[:ACTIONS_SHOWN])
    console.print(_counts_table("action", actions, splits, total=counts))
    if len(counts.actions) > ACTIONS_SHOWN:
        console.print(f"… and {len(counts.actions) - ACTIONS_SHOWN} more actions; --json lists all.")
    console.print()


def _counts_table(
    heading: str,
    rows: Mapping[str, Mapping[str, int]],
    splits: Sequence[str],
    *,
    total: "Counts | None" = None,
) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(heading, overflow="fold")
    for split in splits:
        table.add_column(split or "no split", justify="right")
    table.add_column("segments", justify="right")
    for name, numbers in rows.items():
        cells = [str(numbers.get(split, 0) or "·") for split in splits]
        table.add_row(Text(name or "(nobody)"), *cells, str(sum(numbers.values())))
    if total is not None:
        cells = [str(total.splits.get(split, 0)) for split in splits]
        table.add_row(Text("all", style="bold"), *cells, str(total.segments))
    return table


def _render_findings(findings: "Sequence[Finding]", console: "Console", *, word: str) -> None:
    from rich.markup import escape

    by_kind: dict[str, list[Finding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    for kind, group in by_kind.items():
        for finding in group[:SHOWN_PER_KIND]:
            console.print(f"{word} {escape(finding.text)}", highlight=False, soft_wrap=True)
        if len(group) > SHOWN_PER_KIND:
            more = len(group) - SHOWN_PER_KIND
            console.print(f"… and {more} more of this kind ({kind}); --json lists all.", highlight=False)
