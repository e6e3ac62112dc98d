"""Looking at the video files that a manifest names."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import VideoError
from egotool.files import inside, sha256_of_file
from egotool.inspection.findings import Expected, Finding
from egotool.inspection.labels import named
from egotool.manifests import Segment, natural_order
from egotool.progress import Progress
from egotool.video import VideoIndex, index_packets, index_video, packets_missing, probe

RATE_TOLERANCE = 0.01
"""Part of a frame rate by which another may differ and still count as the same: 29.97 and 30 do."""


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """What is known of a video.

    Attributes:
        video: its name.
        frame_count: number of frames; None if unknown.
        frame_rate: frames per second; None if unknown.
        width: pixels.
        height: pixels.
        file_bytes: size of the file.
    """

    video: str
    frame_count: int | None
    frame_rate: float | None
    width: int
    height: int
    file_bytes: int

    @property
    def seconds(self) -> float | None:
        """Duration, from count and rate."""
        return self.frame_count / self.frame_rate if self.frame_count and self.frame_rate else None


def look_at_video(path: Path, video: str, *, deep: bool = False) -> tuple[VideoFacts, str | None]:
    """Return what the file at `path` says of itself, and a sentence if something is wrong with it.

    Args:
        path: the file.
        video: its name.
        deep: decode every frame; otherwise its packets are counted, and where these do not name the frames,
            its header is believed.

    Raises:
        VideoError: if it cannot be read.
    """
    index: VideoIndex | None = index_video(path) if deep else index_packets(path)
    size = path.stat().st_size
    if index is None:
        info = probe(path)
        facts = VideoFacts(
            video=video,
            frame_count=info.frame_count,
            frame_rate=info.frame_rate,
            width=info.width,
            height=info.height,
            file_bytes=size,
        )
        return facts, packets_missing(path)
    facts = VideoFacts(
        video=video,
        frame_count=index.frame_count,
        frame_rate=index.frame_rate,
        width=index.width,
        height=index.height,
        file_bytes=size,
    )
    return facts, index.problem


def check_files(
    folder: Path, segments_of: Mapping[str, list[Segment]], *, deep: bool, progress: Progress
) -> tuple[list[Finding], list[VideoFacts]]:
    """Return what is wrong with the videos of a manifest, files below `folder`, and what they are.

    Files are opened, their packets counted, and files of equal size compared by their SHA-256.
    """
    findings: list[Finding] = []
    facts: list[VideoFacts] = []
    present: dict[str, Path] = {}
    for video, segments in segments_of.items():
        path = inside(folder, video)
        if path.is_file():
            present[video] = path
            continue
        why = f"{path} is a link to a file that is not there" if path.is_symlink() else f"{path} is not there"
        findings.append(
            Finding("missing video", f"{why} ({_count(segments)}: {named(segments)}): copy it to this place.")
        )
    if segments_of and not present:
        findings = [
            Finding(
                "missing videos",
                f"none of the manifest's videos is in {folder}: say with --videos where they are.",
            )
        ]
    task = "videos"
    progress.start(task, total=len(present), unit="videos")
    for video, path in present.items():
        try:
            known, problem = look_at_video(path, video, deep=deep)
        except (VideoError, OSError) as error:
            findings.append(Finding("unreadable video", _sentence(str(error))))
        else:
            facts.append(known)
            if problem is not None:
                findings.append(Finding("damaged video", _sentence(problem)))
        progress.advance(task)
    progress.finish(task)
    findings += _same_content(present, progress)
    return findings, facts


def _same_content(present: Mapping[str, Path], progress: Progress) -> list[Finding]:
    """Find files of the same content; only files of one size are read."""
    sizes: dict[int, list[str]] = defaultdict(list)
    for video, path in present.items():
        sizes[path.stat().st_size].append(video)
    suspects = [videos for videos in sizes.values() if len(videos) > 1]
    task = "comparing files"
    progress.start(task, total=sum(len(videos) for videos in suspects), unit="videos")
    digests: dict[str, str] = {}
    files: dict[tuple[int, int], str] = {}
    for videos in suspects:
        for video in videos:
            state = present[video].stat()
            known = files.get((state.st_dev, state.st_ino))  # a link: the same file under another name
            digests[video] = digests[known] if known else sha256_of_file(present[video])
            files.setdefault((state.st_dev, state.st_ino), video)
            progress.advance(task)
    progress.finish(task)
    return duplicates(digests)


def duplicates(digests: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each group of videos that have one digest."""
    groups: dict[str, list[str]] = defaultdict(list)
    for video, digest in digests.items():
        groups[digest].append(video)
    return [
        Finding(
            "duplicated video",
            f"{' and '.join(sorted(videos, key=natural_order))} have the same content (SHA-256 "
            f"{digest[:12]}…): keep one, or copy the right file again.",
        )
        for digest, videos in groups.items()
        if len(videos) > 1
    ]


def check_frame_rates(facts: Sequence[VideoFacts], expected: Expected | None) -> Iterator[Finding]:
    """Yield the videos whose frame rate is not that of the dataset, or not that of most videos."""
    rates = [(known.video, known.frame_rate) for known in facts if known.frame_rate]
    if not rates:
        return
    most = float(Counter(round(rate, 2) for _, rate in rates).most_common(1)[0][0])
    for video, rate in rates:
        told = None if expected is None else expected.frame_rate_of(video)
        usual = most if told is None else told
        if abs(rate - usual) > RATE_TOLERANCE * usual:
            whose = "most videos have" if told is None or expected is None else f"{expected.name} has"
            yield Finding(
                "other frame rate",
                f"{video} has {rate:.5g} frames per second, {whose} {usual:.5g}: frame numbers of its labels "
                "may mean other frames; get the original, or convert it.",
                serious=told is not None,
            )


def _count(segments: Sequence[Segment]) -> str:
    return "1 segment" if len(segments) == 1 else f"{len(segments)} segments"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
