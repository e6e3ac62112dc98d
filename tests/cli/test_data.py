import inspect
import json

import pytest
from typer.testing import CliRunner

from egotool.cli.data import data, synth
from egotool.errors import UsageError
from egotool.synthetic import SyntheticParameters

TINY = [
    *("--subjects", "1", "--repetitions", "1", "--frames", "3", "--size", "64x48", "--head-motion", "3"),
    *("--verbs", "push-left,open", "--objects", "cup, jar", "--workers", "1"),
]


def run(*arguments: str):
    return CliRunner().invoke(data, ["synth", *arguments], catch_exceptions=True)


def test_help_has_an_example():
    result = run("--help")
    assert result.exit_code == 0
    assert "egotool data synth" in result.output


def test_defaults_are_those_of_the_library():
    defaults = {name: parameter.default for name, parameter in inspect.signature(synth).parameters.items()}
    library = SyntheticParameters()
    for name in ("seed", "subjects", "repetitions", "frames", "frame_rate", "mode", "head_motion"):
        assert defaults[name] == getattr(library, name)
    assert defaults["size"] == f"{library.width}x{library.height}"
    assert defaults["verbs"] == ",".join(library.verbs)
    assert defaults["objects"] == ",".join(library.objects)


def test_renders_then_keeps_what_is_there(tmp_path):
    out = tmp_path / "videos"
    first = run(str(out), *TINY)
    assert first.exit_code == 0, first.output
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.mp4")) == [
        f"S01/{action}/clip01.mp4" for action in ("open_jar", "push-left_cup", "push-left_jar")
    ]
    assert "Rendered 3 videos" in first.output
    assert "1 combination was left out" in first.output
    again = run(str(out), *TINY)
    assert again.exit_code == 0
    assert "Rendered 0 videos" in again.output
    assert "3 were there already" in again.output


def test_one_of_a_kind_is_singular_and_the_next_command_can_be_typed(tmp_path):
    result = run(str(tmp_path / "my videos"), *TINY[:-4], "--verbs", "take", "--objects", "cup")
    assert "Rendered 1 video (3 frames)" in result.output
    assert ": 1 subject, 1 action, 1 repetition." in result.output
    assert f"Next: egotool extract '{tmp_path / 'my videos'}'" in result.output


def test_dry_run_writes_nothing(tmp_path):
    result = run(str(tmp_path / "videos"), *TINY, "--dry-run")
    assert result.exit_code == 0
    assert "Would render 3 videos (9 frames)" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_json_is_one_document_and_nothing_else(tmp_path, dry):
    result = run(str(tmp_path / "videos"), *TINY, "--json", *dry)
    document = json.loads(result.stdout)
    assert document["dry_run"] == bool(dry)
    assert document["actions"] == ["push-left_cup", "push-left_jar", "open_jar"]
    assert document["rendered"] == document["videos"]
    assert len(document["videos"]) == 3
    assert document["parameters"]["head_motion"] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "big"], "--size"),
        (["--verbs", "jump"], "push-left"),
        (["--objects", "cup,car"], "bottle"),
        (["--verbs", ","], "at least one verb"),
        (["--mode", "round"], "mode"),
        (["--head-motion", "-1"], "head_motion"),
    ],
)
def test_wrong_usage_is_one_sentence_with_status_2(tmp_path, arguments, words):
    result = run(str(tmp_path / "videos"), *arguments)
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_status == 2
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)
    assert list(tmp_path.iterdir()) == []
