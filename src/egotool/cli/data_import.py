"""`egotool data import`: the labels, or the frames, of a public dataset or of anybody's."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from egotool.errors import ManifestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from egotool.extraction import FramesPlan, ImportedStore, ImportParameters
    from egotool.manifests import Count, DatasetDescriptor, ImportedLabels, LabelOptions, Manifest

SENTENCES_SHOWN = 20

DatasetName = Literal[
    "gtea-61", "gtea-71", "egtea-gaze-plus", "epic-kitchens-55", "epic-kitchens-100", "csv", "frames"
]
FlowChoice = Literal["warp-flow", "flow", "none"]


def import_data(
    dataset: Annotated[
        DatasetName,
        typer.Argument(
            metavar="DATASET",
            help="gtea-61, gtea-71, egtea-gaze-plus, epic-kitchens-55, epic-kitchens-100, csv, or frames.",
            show_default=False,
        ),
    ],
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE",
            help="Label files, a folder of them, or a folder of frames.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The manifest, or the store, to write.", show_default="manifest.csv or store"),
    ] = None,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos: their names and time bases count.")
    ] = None,
    label: Annotated[
        Literal["action", "verb", "noun"],
        typer.Option(metavar="LABEL", help="EPIC-KITCHENS: recognise action, verb or noun."),
    ] = "action",
    split: Annotated[str, typer.Option(help="EGTEA Gaze+: official split 1, 2 or 3.")] = "1",
    columns: Annotated[
        str, typer.Option("--map", help="csv: COLUMN=NAME,…, for instance action=label,video=path.")
    ] = "",
    first_frame: Annotated[int, typer.Option(min=0, help="csv: the number of a video's first frame.")] = 0,
    inclusive: Annotated[
        bool, typer.Option("--inclusive", help="csv: stop_frame is the last frame.")
    ] = False,
    published_frames: Annotated[
        bool, typer.Option("--published-frames", help="EPIC-KITCHENS: for folders of published frames.")
    ] = False,
    frame_rate: Annotated[
        float | None, typer.Option(min=0.1, help="csv, frames: frames per second.", show_default="unknown")
    ] = None,
    flow: Annotated[
        FlowChoice, typer.Option(metavar="FLOW", help="frames: flow pictures are warp-flow, flow, or none.")
    ] = "warp-flow",
    size: Annotated[int, typer.Option(min=16, help="frames: pixels of the shorter side, at most.")] = 256,
    test_subject: Annotated[list[str] | None, typer.Option(help="Who tests; repeatable.")] = None,
    validation: Annotated[
        bool, typer.Option(help="Where none validates, let a fifth of each action's training segments.")
    ] = True,
    validation_as_test: Annotated[
        bool, typer.Option("--validation-as-test", help="EPIC-KITCHENS-100: its validation split tests.")
    ] = False,
    split_seed: Annotated[int, typer.Option(min=0, help="Chooses validation segments.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="frames: threads.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace a manifest that was edited, and videos.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read everything, write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Bring a dataset: label files become a manifest, folders of frames become a store.

    Lines that cannot be read are named, the others are imported, and the exit status is 1.

    Example: egotool data import gtea-61 labels/ --videos videos/ --out videos/manifest.csv
    """
    from egotool.manifests import LabelOptions, has_labels
    from egotool.manifests.any_csv import Counting

    for source in sources:
        if not source.exists():
            raise UsageError(f"{source} does not exist: name label files, or a folder.")
    if has_labels(dataset, sources):
        options = LabelOptions(
            videos=videos,
            split=split,
            label=label,
            published_frames=published_frames,
            columns=columns,
            counting=Counting(first=first_frame, inclusive=inclusive, frame_rate=frame_rate),
            test_subjects=tuple(test_subject or ()),
            validation=validation,
            validation_tests=validation_as_test,
            seed=split_seed,
        )
        job: _Labels | _Frames = _Labels(dataset, sources, options, out or Path("manifest.csv"))
    else:
        if len(sources) != 1:
            raise UsageError("frames come from one folder: import further ones by further commands.")
        job = _Frames(
            dataset,
            sources[0],
            out or Path("store"),
            flow=flow,
            size=size,
            frame_rate=frame_rate,
            test_subjects=tuple(test_subject or ()),
            validation=validation,
            seed=split_seed,
            workers=workers,
        )
    outcome = job.run(overwrite=overwrite, dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps(outcome.document(), indent=2, ensure_ascii=False))
    else:
        outcome.render()
    if outcome.problems:
        raise typer.Exit(1)


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What an import tells, whatever it imported."""

    dataset: str
    title: str
    manifest: "Manifest"
    counts: "Sequence[Count]"
    quirks: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    written: str
    following: str
    out: Path
    dry_run: bool

    def document(self) -> dict[str, object]:
        """Return everything for --json."""
        return {
            "dataset": self.dataset,
            "out": str(self.out),
            "dry_run": self.dry_run,
            "ok": not self.problems,
            "counts": {
                count.what: {"found": count.found, "expected": count.expected} for count in self.counts
            },
            "actions": list(self.manifest.actions),
            "subjects": list(self.manifest.subjects),
            "quirks": list(self.quirks),
            "notes": list(self.notes),
            "problems": list(self.problems),
        }

    def render(self) -> None:
        """Print the summary."""
        from rich.markup import escape
        from rich.table import Table

        from egotool.console import output_console

        console = output_console()
        console.print(f"[bold]{escape(self.title)}[/]", highlight=False)
        table = Table(box=None, header_style="bold", pad_edge=False)
        known = any(count.expected is not None for count in self.counts)
        for column in ("", "found", "expected") if known else ("", "found"):
            table.add_column(column, justify="right" if column else "left")
        for count in self.counts:
            expected = "–" if count.expected is None else str(count.expected)
            cells = [count.what, str(count.found), expected if count.fits else f"[yellow]{expected}[/]"]
            table.add_row(*cells[: len(table.columns)])
        console.print(table)
        _say(console, "", self.quirks)
        _say(console, "[yellow]Note:[/] ", self.notes)
        _say(console, "[red]Not imported:[/] ", self.problems)
        console.print(escape(self.written), highlight=False, soft_wrap=True)
        if self.following and not self.dry_run:
            console.print(f"\nNext: [bold]{escape(self.following)}[/]", highlight=False, soft_wrap=True)


def _say(console: "Console", before: str, sentences: "Sequence[str]") -> None:
    from rich.markup import escape

    for sentence in sentences[:SENTENCES_SHOWN]:
        console.print(f"{before}{escape(sentence)}", highlight=False, soft_wrap=True)
    if len(sentences) > SENTENCES_SHOWN:
        console.print(f"… and {len(sentences) - SENTENCES_SHOWN} more; --json lists all.", highlight=False)


@dataclass(frozen=True)
class _Labels:
    """Label files that become a manifest."""

    dataset: str
    sources: "Sequence[Path]"
    options: "LabelOptions"
    out: Path

    def run(self, *, overwrite: bool, dry_run: bool) -> _Outcome:
        from egotool.console import ConsoleProgress
        from egotool.manifests import import_labels, is_edited, write_with_sidecar

        if self.out.is_dir():
            raise UsageError(
                f"--out {self.out} is a folder: name the manifest, like {self.out}/manifest.csv."
            )
        if is_edited(self.out) and not (overwrite or dry_run):
            raise ManifestError(
                f"{self.out} was edited, or not written by this command: choose another --out, or replace it "
                "with --overwrite."
            )
        with ConsoleProgress() as progress:
            labels = import_labels(self.dataset, self.sources, self.options, progress)
        segments = len(labels.manifest.segments)
        if segments and not dry_run:
            write_with_sidecar(
                self.out, labels.manifest, source=f"{self.dataset}: {', '.join(map(str, self.sources))}"
            )
        return self._outcome(labels, dry_run=dry_run)

    def _outcome(self, labels: "ImportedLabels", *, dry_run: bool) -> _Outcome:
        from egotool.manifests import compare_counts, compare_segments, dataset_of, official_split

        descriptor = dataset_of(self.dataset)
        manifest = labels.manifest
        notes = labels.notes + (() if descriptor is None else tuple(compare_segments(manifest, descriptor)))
        what = _counted(len(manifest.segments), "segment")
        written = f"Manifest {self.out}: {what}."
        if dry_run:
            written = f"Would write {what} to {self.out}."
        elif not manifest.segments:
            written = "Nothing was written."
        videos = self.options.videos
        beside = videos is not None and self.out.resolve().parent == videos.resolve()
        following = (
            f"egotool extract {shlex.quote(str(videos))}"
            if beside
            else f"copy {self.out} to VIDEOS/manifest.csv, and type: egotool extract VIDEOS"
        )
        return _Outcome(
            dataset=self.dataset,
            title=_title(self.dataset, descriptor),
            manifest=manifest,
            counts=compare_counts(manifest, descriptor, official_split(descriptor, self.options.split)),
            quirks=labels.quirks,
            notes=notes,
            problems=labels.problems,
            written=written,
            following=following if manifest.segments else "",
            out=self.out,
            dry_run=dry_run,
        )


@dataclass(frozen=True)
class _Frames:
    """Folders of frames that become a store."""

    dataset: str
    source: Path
    out: Path
    flow: FlowChoice
    size: int
    frame_rate: float | None
    test_subjects: tuple[str, ...]
    validation: bool
    seed: int
    workers: int | None

    def run(self, *, overwrite: bool, dry_run: bool) -> _Outcome:
        from egotool.console import ConsoleProgress, status
        from egotool.extraction import import_store, plan_frames
        from egotool.manifests import dataset_of

        descriptor = dataset_of(self.dataset)
        with status("looking at folders"):
            plan = plan_frames(
                self.source,
                descriptor,
                flow=self.flow != "none",
                test_subjects=self.test_subjects,
                validation=self.validation,
                seed=self.seed,
            )
        if dry_run:
            return self._outcome(plan, descriptor, None)
        with ConsoleProgress() as progress:
            imported = import_store(
                plan,
                out=self.out,
                parameters=self._parameters(plan, descriptor),
                source=self.source,
                workers=self.workers,
                overwrite=overwrite,
                progress=progress,
            )
        return self._outcome(plan, descriptor, imported)

    def _parameters(self, plan: "FramesPlan", descriptor: "DatasetDescriptor | None") -> "ImportParameters":
        from egotool.extraction import ImportParameters

        known = None if descriptor is None else descriptor.frame_rate
        arrays: dict[FlowChoice, Literal["warp_flow", "flow"] | None] = {
            "warp-flow": "warp_flow",
            "flow": "flow",
            "none": None,
        }
        return ImportParameters(
            layout=str(plan.found.layout),
            short_side=self.size,
            flow=arrays[self.flow],
            frame_rate=self.frame_rate or known,
        )

    def _outcome(
        self,
        plan: "FramesPlan",
        descriptor: "DatasetDescriptor | None",
        imported: "ImportedStore | None",
    ) -> _Outcome:
        from egotool.manifests import compare_counts, official_split

        problems, notes, what = plan.problems, plan.notes, _counted(len(plan.found.folders), "video")
        written = f"Would write {what} to {self.out}."
        if imported is not None:
            failed = [video for video in imported.videos if video.problem is not None]
            new = sum(video.status == "extracted" for video in imported.videos)
            there = len(imported.videos) - new - len(failed)
            problems += tuple(video.problem or "" for video in failed)
            notes += () if imported.kept is None else (imported.kept,)
            written = (
                f"{_counted(new, 'video')} written to {self.out}"
                f"{f'; {there} {_were(there)} there already' if there else ''}. "
                f"Manifest: {imported.manifest_file}."
            )
        return _Outcome(
            dataset=self.dataset,
            title=f"{_title(self.dataset, descriptor)}, layout {plan.found.layout}",
            manifest=plan.manifest,
            counts=compare_counts(plan.manifest, descriptor, official_split(descriptor)),
            quirks=plan.quirks,
            notes=notes,
            problems=problems,
            written=written,
            following=f"egotool train dynamic-net --store {shlex.quote(str(self.out))}",
            out=self.out,
            dry_run=imported is None,
        )


def _title(dataset: str, descriptor: "DatasetDescriptor | None") -> str:
    if descriptor is not None:
        return descriptor.title
    return "CSV file" if dataset == "csv" else "Folders of frames"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
