from pathlib import Path

import pytest
import torch
from torch import Tensor

from egotool.clips import ClipDataset, ClipSampler, ClipSettings, clip_loader
from egotool.clips import loader as loader_module
from egotool.manifests import Segment
from tests.clips.stores import make_video

SETTINGS = ClipSettings(
    clip_length=3,
    short_side=64,
    crop_size=56,
    augment=True,
    with_next_frame=True,
    with_mask=True,
    with_flow=True,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_video(tmp_path_factory.mktemp("store"), "a.mp4", frames=9)
    return make_video(path, "b.mp4", frames=6)


def clips(store: Path) -> ClipDataset:
    segments = [
        Segment(f"{video}{start}", video, start, start + 4, action, "", "", "", "train")
        for start in range(3)
        for video, action in (("a.mp4", "take"), ("b.mp4", "put"))
    ]
    return ClipDataset(store, segments, ("put", "take"), SETTINGS, seed=3)


def batches(store: Path, workers: int, *, start_method: str | None = None, touched: bool = False):
    """The batches of two epochs, as Lightning would ask for them."""
    dataset = clips(store)
    if touched:
        dataset[0]  # open handles and a filled cache exist before the workers start
    loader = clip_loader(
        dataset, batch_size=4, workers=workers, shuffle=True, seed=11, start_method=start_method
    )
    collected: list[dict[str, Tensor]] = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        collected.extend(loader)
    return collected


@pytest.mark.parametrize(
    ("workers", "start_method", "touched"),
    [(1, "fork", False), (2, "fork", True), (1, "spawn", True)],
)
def test_batches_do_not_depend_on_workers(store, workers, start_method, touched):
    alone = batches(store, 0)
    together = batches(store, workers, start_method=start_method, touched=touched)
    assert len(alone) == len(together) == 4
    for one, other in zip(alone, together, strict=True):
        assert set(one) == {"frames", "next_frames", "masks", "flow", "label", "index"}
        for key, value in one.items():
            assert torch.equal(value, other[key]), key
    assert alone[0]["frames"].shape == (4, 3, 3, 56, 56)
    assert alone[0]["flow"].shape == (4, 1, 10, 56, 56)


def test_epochs_differ_in_order_and_views(store):
    first, second = batches(store, 0)[:2], batches(store, 0)[2:]
    orders = [torch.cat([batch["index"] for batch in epoch]).tolist() for epoch in (first, second)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(6))
    frames = [torch.cat([batch["frames"] for batch in epoch]) for epoch in (first, second)]
    same = [torch.equal(frames[0][orders[0].index(i)], frames[1][orders[1].index(i)]) for i in range(6)]
    assert not all(same)


def test_a_resumed_epoch_is_the_same_epoch(store):
    whole = batches(store, 0)
    resumed = clip_loader(clips(store), batch_size=4, workers=0, shuffle=True, seed=11, epoch=1)
    for one, other in zip(whole[2:], resumed, strict=True):
        assert torch.equal(one["frames"], other["frames"])


def test_without_shuffling_the_order_is_the_manifests(store):
    loader = clip_loader(clips(store), batch_size=4, workers=0, shuffle=False, seed=0)
    assert [batch["index"].tolist() for batch in loader] == [[0, 1, 2, 3], [4, 5]]
    assert len(loader) == 2
    short = clip_loader(clips(store), batch_size=4, workers=0, shuffle=False, seed=0, drop_last=True)
    assert len(list(short)) == 1


def drawn(store: Path, *, seed: int, epoch: int, balance: bool = True) -> list[str]:
    """The actions of an epoch's clips: of nine, one is rare."""
    segments = [Segment(f"t{n}", "a.mp4", n % 4, n % 4 + 4, "take") for n in range(8)]
    dataset = ClipDataset(
        store, [*segments, Segment("p", "b.mp4", 0, 4, "put")], ("put", "take"), SETTINGS, seed=0
    )
    sampler = ClipSampler(dataset, shuffle=True, seed=seed, epoch=epoch, balance=balance)
    order = list(sampler)
    assert len(order) == len(sampler) == 9
    return [("put", "take")[dataset.labels[number]] for number in order]


def test_balanced_epochs_show_every_action_equally_often(store):
    actions = [action for epoch in range(200) for action in drawn(store, seed=5, epoch=epoch)]
    assert 0.45 < actions.count("put") / len(actions) < 0.55
    assert drawn(store, seed=5, epoch=3) == drawn(store, seed=5, epoch=3)
    assert any(drawn(store, seed=5, epoch=e) != drawn(store, seed=6, epoch=e) for e in range(3))
    assert drawn(store, seed=5, epoch=0, balance=False).count("put") == 1
    with pytest.raises(ValueError, match="shuffle"):
        clip_loader(clips(store), batch_size=2, workers=0, shuffle=False, seed=0, balance=True)


def test_balanced_batches_do_not_depend_on_workers(store):
    def indices(workers: int) -> list[int]:
        loader = clip_loader(
            clips(store),
            batch_size=4,
            workers=workers,
            shuffle=True,
            seed=2,
            balance=True,
            start_method="fork",
        )
        return [number for batch in loader for number in batch["index"].tolist()]

    assert indices(0) == indices(2)


def shares(store: Path, monkeypatch: pytest.MonkeyPatch, processes: int, *, shuffle: bool) -> list[list[int]]:
    monkeypatch.setattr(loader_module.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(loader_module.distributed, "get_world_size", lambda: processes)
    sampler = ClipSampler(clips(store), shuffle=shuffle, seed=2, shared=True)
    found = []
    for number in range(processes):
        monkeypatch.setattr(loader_module.distributed, "get_rank", lambda number=number: number)
        found.append(list(sampler))
        assert len(sampler) == len(found[-1])
    return found


@pytest.mark.parametrize("processes", [1, 2, 4, 5])
def test_scoring_on_several_devices_sees_every_clip_once(store, monkeypatch, processes):
    found = shares(store, monkeypatch, processes, shuffle=False)
    assert sorted(place for share in found for place in share) == list(range(6))


def test_with_fewer_clips_than_devices_all_score_all(store, monkeypatch):
    assert shares(store, monkeypatch, 7, shuffle=False) == [list(range(6))] * 7


@pytest.mark.parametrize("processes", [2, 4, 7, 13])
def test_training_on_several_devices_shares_an_epoch_equally(store, monkeypatch, processes):
    found = shares(store, monkeypatch, processes, shuffle=True)
    assert len({len(share) for share in found}) == 1
    together = [place for step in zip(*found, strict=True) for place in step]
    assert together[:6] == list(ClipSampler(clips(store), shuffle=True, seed=2))  # one process's order
    assert set(together) == set(range(6)) and len(together) < 6 + processes


def test_a_loader_that_is_not_shared_stays_whole_in_a_group(store, monkeypatch):
    monkeypatch.setattr(loader_module.distributed, "is_initialized", lambda: True)
    loader = clip_loader(clips(store), batch_size=4, workers=0, shuffle=False, seed=1)
    assert list(loader.sampler) == list(range(6))
