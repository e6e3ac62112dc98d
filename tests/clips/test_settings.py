import pytest

from egotool.clips import ClipSettings


def test_defaults_are_the_papers():
    settings = ClipSettings()
    assert (settings.clip_length, settings.short_side, settings.crop_size) == (16, 256, 224)
    assert settings.scales == (1.0, 0.875, 0.75, 0.65625)
    assert settings.horizontal_flip


@pytest.mark.parametrize(
    "options",
    [
        {"clip_length": 0},
        {"short_side": 200, "crop_size": 224},
        {"scales": ()},
        {"scales": (1.2,)},
        {"mask_grid": 0},
        {"std": (0.0, 1.0, 1.0)},
        {"flow_range": 0},
    ],
)
def test_impossible_settings(options):
    with pytest.raises(ValueError):
        ClipSettings(**options)
