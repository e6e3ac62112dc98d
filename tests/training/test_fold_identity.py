from dataclasses import replace
from pathlib import Path

from egotool.manifests import Manifest, assign_splits, read_manifest, write_manifest
from egotool.runs import load_recipe
from egotool.training import TrainingRequest, plan_training
from tests.training.small_store import TINY, make_labelled_store


def test_a_fold_with_the_manifests_own_splits_is_a_run_of_its_own(tmp_path: Path) -> None:
    """Else the run that came first would say that it is, or is not, a fold, and the other would be lost."""
    store = make_labelled_store(tmp_path / "store", masks=False)
    path = store / "manifest.csv"
    named = tuple(
        replace(segment, subject=f"S{number % 2 + 1}")
        for number, segment in enumerate(read_manifest(path).segments)
    )
    write_manifest(assign_splits(Manifest(named), test_subjects=("S2",)), path)
    request = TrainingRequest(
        recipe=load_recipe("dynamic-net", "small", overrides=TINY), store=store, runs=tmp_path / "runs"
    )
    fixed, fold = plan_training(request), plan_training(replace(request, fold="S2"))
    assert fixed.data.record.manifest_fingerprint == fold.data.record.manifest_fingerprint
    assert fixed.stages[-1].folder != fold.stages[-1].folder
    assert fixed.stages[0].folder == fold.stages[0].folder  # what both start from is trained once


def test_balance_is_another_training_and_without_it_nothing_changes(tmp_path: Path) -> None:
    store = make_labelled_store(tmp_path / "store", masks=False)
    request = TrainingRequest(
        recipe=load_recipe("dynamic-net", "small", overrides=TINY), store=store, runs=tmp_path / "runs"
    )
    plain, balanced = plan_training(request), plan_training(replace(request, balance=True))
    assert all(a.identity != b.identity for a, b in zip(plain.stages, balanced.stages, strict=True))
    assert plain.stages == plan_training(replace(request, balance=False)).stages
