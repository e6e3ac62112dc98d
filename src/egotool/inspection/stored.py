"""Looking at the files of a store."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from egotool.errors import StoreError
from egotool.files import files_below
from egotool.inspection.files import VideoFacts, duplicates
from egotool.inspection.findings import Finding
from egotool.progress import Progress
from egotool.store import (
    HANDS_PARAMETER,
    Array,
    Receipt,
    Store,
    extract_command,
    read_receipt,
    receipt_file,
    verify,
)

_PICTURES = {
    Array.FLOW: ("flow", "flow"),
    Array.WARP_FLOW: ("warp flow", "warp-flow"),
    Array.MASKS: ("motion masks", "masks"),
}
"""What may be missing: its name, and what `egotool extract --only` calls it."""


def check_stored(
    store: Store, *, deep: bool, quick: bool, progress: Progress
) -> tuple[list[Finding], dict[str, Receipt]]:
    """Return what is wrong with the files of a store, and the receipts that can be read.

    A file is read once to compare its digest; where that differs, every chunk is read to name the frames.
    Nothing is written: the disk may be read-only.

    Args:
        store: the store.
        deep: read every chunk in any case.
        quick: read no pictures: compare sizes, shapes and units.
        progress: is told of every video.
    """
    videos = store.videos()
    findings: list[Finding] = []
    receipts: dict[str, Receipt] = {}
    progress.start("store", total=len(videos), unit="videos")
    for video in videos:
        sentences = verify(store.path, video, deep=deep, digest=not quick)
        if sentences and not deep and not quick:
            sentences = verify(store.path, video, deep=True)
        findings += [Finding("damaged store file", _sentence(sentence)) for sentence in sentences]
        try:
            receipt = read_receipt(receipt_file(store.path, video))
        except StoreError:
            receipt = None  # told by verify
        if receipt is not None:
            receipts[video] = receipt
        progress.advance("store")
    progress.finish("store")
    findings += _unfinished(store.path)
    findings += _incomplete(receipts)
    findings += _arrays_missing(store.path, receipts)
    findings += _sizes_mixed(receipts)
    findings += _parameters_mixed(receipts)
    findings += _hands_mixed(receipts)
    findings += _revisions_mixed(receipts)
    findings += duplicates({video: receipt.source_sha256 for video, receipt in receipts.items()})
    return findings, receipts


def facts_of(receipts: Mapping[str, Receipt]) -> list[VideoFacts]:
    """Return what receipts say of their videos."""
    return [
        VideoFacts(
            video=video,
            frame_count=receipt.stored_frames,
            frame_rate=receipt.frame_rate,
            width=receipt.width,
            height=receipt.height,
            file_bytes=receipt.file_bytes,
        )
        for video, receipt in receipts.items()
    ]


def _unfinished(store: Path) -> Iterator[Finding]:
    """Find HDF5 files without a receipt, receipts without a file, and work that was interrupted."""
    files = sorted(files_below(store))
    for path in files:
        if path.suffix != ".h5" or path.with_suffix(".json").is_file():
            continue
        yield Finding(
            "unfinished video", f"{path} has no receipt, so it is not finished: extract its video again."
        )
    for path in files:
        if path.suffix != ".json" or path.with_suffix(".h5").is_file() or path == store / "manifest.json":
            continue
        yield Finding(
            "missing store file",
            f"{path} is the receipt of a file that is not there: extract its video again.",
        )
    parts = (
        sorted({path.parent for path in (store / ".work").rglob("*.h5")})
        if (store / ".work").is_dir()
        else []
    )
    for folder in parts:
        name = folder.relative_to(store / ".work").as_posix()
        yield Finding(
            "interrupted",
            f"the extraction of {name} was interrupted: type its `egotool extract` again and it goes on.",
            serious=False,
        )


def _incomplete(receipts: Mapping[str, Receipt]) -> Iterator[Finding]:
    for receipt in receipts.values():
        for warning in receipt.warnings:
            yield Finding("incomplete source", _sentence(warning), serious=not receipt.complete)


def _arrays_missing(store: Path, receipts: Mapping[str, Receipt]) -> Iterator[Finding]:
    """Find videos without flow, warp flow or masks; one sentence where the whole store lacks them."""
    for array, (name, option) in _PICTURES.items():
        lacking = [video for video, receipt in receipts.items() if array.value not in receipt.arrays]
        if not lacking:
            continue
        have = {word for video in lacking for word in _extracted(receipts[video])}
        only = ",".join(word for word in ("rgb", "flow", "warp-flow", "masks") if word in have | {option})
        remedy = f"add them with `{extract_command(store, only, receipts[lacking[0]])}`"
        if len(lacking) == len(receipts):
            yield Finding(
                f"no {name}",
                f"no video of the store has {name}: {remedy}, if a model needs them.",
                serious=False,
            )
            continue
        for video in lacking:
            yield Finding(
                f"no {name}", f"{video} has no {name}, which other videos of the store have: {remedy}."
            )


def _sizes_mixed(receipts: Mapping[str, Receipt]) -> Iterator[Finding]:
    """Find videos that are stored smaller or larger than most."""
    sizes = Counter(min(receipt.width, receipt.height) for receipt in receipts.values())
    if len(sizes) > 1:
        usual = sizes.most_common(1)[0][0]
        for video, receipt in receipts.items():
            if min(receipt.width, receipt.height) != usual:
                yield Finding(
                    "other size",
                    f"{video} is stored as {receipt.width}×{receipt.height}, but the usual short side "
                    f"is {usual}: clips are brought to one size, but it may be less sharp.",
                    serious=False,
                )


_MADE_BY = {
    Array.FLOW: ("flow", ("schedule",)),
    Array.WARP_FLOW: ("warp flow", ("schedule", "warp_flow")),
}
"""Array → its name, and the recorded parameters that say how it was made."""


def _parameters_mixed(receipts: Mapping[str, Receipt]) -> Iterator[Finding]:
    """Find videos whose flow was made otherwise than that of most: a model would learn from two kinds."""
    for array, (name, parameters) in _MADE_BY.items():
        made = {
            video: ", ".join(str(receipt.parameters.get(key, "second")) for key in parameters)
            for video, receipt in receipts.items()
            if array.value in receipt.arrays and "schedule" in receipt.parameters
        }
        usual = Counter(made.values()).most_common(1)[0][0] if made else ""
        for video, how in made.items():
            if how != usual:
                yield Finding(
                    f"other {name}",
                    f"{video} has {name} made otherwise ({how}) than usual in the store ({usual}): "
                    "`egotool extract VIDEOS --overwrite` with the options of the others makes it anew.",
                    serious=False,
                )


def _hands_mixed(receipts: Mapping[str, Receipt]) -> Iterator[Finding]:
    """Find that some videos were made with hand masks and others without."""
    made = {
        video: HANDS_PARAMETER in receipt.parameters
        for video, receipt in receipts.items()
        if Array.WARP_FLOW.value in receipt.arrays and "schedule" in receipt.parameters
    }
    without = [video for video, with_hands in made.items() if not with_hands]
    if 0 < len(without) < len(made):
        yield Finding(
            "hand masks",
            f"{len(made) - len(without)} of {len(made)} videos have warp flow made with --hands, the others, "
            f"such as {without[0]}, without: where there are masks, make it with them, too.",
            serious=False,
        )


def _revisions_mixed(receipts: Mapping[str, Receipt]) -> Iterator[Finding]:
    """Find videos whose flow is by an earlier TV-L1 than that of others."""
    revisions = {video: receipt.flow_revision for video, receipt in receipts.items()}
    newest = max((revision for revision in revisions.values() if revision is not None), default=0)
    for video, revision in revisions.items():
        if revision is not None and revision < newest:
            yield Finding(
                "earlier flow",
                f"{video} has flow by the TV-L1 of an earlier version than other videos of the store: "
                "`egotool extract VIDEOS --overwrite` makes it anew.",
                serious=False,
            )


def _extracted(receipt: Receipt) -> set[str]:
    words = {"rgb"} if Array.RGB.value in receipt.arrays else set()
    return words | {option for array, (_, option) in _PICTURES.items() if array.value in receipt.arrays}


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
