import pytest

from egotool.errors import UsageError
from egotool.reporting import read_paper

# Typed again from the paper, independently of paper.toml.
PUBLISHED = {
    1: [50.0, 46.5, 50.0, 62.9, 50.0, 63.8, 69.8],
    2: [68.1, 73.2, 67.2, 68.9, 70.6, 63.7, 37.0, 52.5],
    3: [65.5, 68.9, 72.4, 70.6, 71.5, 70.7, 63.3, 68.1, 73.2, 64.6],
    4: [70.39, 68.38, 66.37, 67.81, 62.9],
    5: [72.41, 65.51, 70.68, 75.86, 71.5],
    6: [70.68, 69.82, 64.65, 62.93, 63.79, 67.24],
}
SETTINGS = {
    2: """1e-4 1e-4 4e-4 1e-2 30 80
          1e-4 1e-4 4e-4 1e-3 30 80
          1e-4 5e-5 2e-4 1e-2 30 80
          1e-4 4e-4 4e-4 1e-3 30 80
          3e-4 1e-4 4e-4 1e-3 30 80
          5e-5 1e-4 4e-4 1e-3 30 80
          1e-5 1e-5 2e-5 1 30 80
          2e-5 1e-5 4e-5 5e-1 30 80""",
    3: """2e-4 2e-4 2e-4 1 45 90 cross-entropy
          2e-4 1e-4 2e-4 1 45 90 cross-entropy
          2e-4 5e-5 4e-4 0.1 45 90 mse
          2e-4 1e-4 4e-4 1 45 95 cross-entropy
          2e-4 1e-4 4e-4 0.5 45 90 cross-entropy
          2e-4 1e-4 4e-4 0.1 45 90 cross-entropy
          2e-4 2e-4 4e-4 0.5 45 90 mse
          2e-4 1e-4 4e-4 0.1 45 90 mse
          2e-4 1e-4 4e-4 0.5 45 90 mse
          2e-4 2e-4 4e-4 0.1 45 90 mse""",
    5: """2e-4 1e-5 2e-4 0.5 45 90 mse
          2e-4 1e-5 2e-4 0.1 45 90 mse
          2e-4 1e-4 2e-4 1 45 90 mse
          2e-4 5e-5 2e-4 0.5 45 95 mse
          2e-4 5e-5 4e-4 0.1 45 90 mse""",
    6: """2e-4 1e-4 2e-4 0.01 45 90
          2e-4 1e-4 4e-4 0.01 45 90
          2e-4 1e-4 2e-4 1 45 90
          2e-4 1e-5 2e-4 1 45 95
          2e-4 1e-5 2e-4 0.1 45 90
          2e-4 5e-5 4e-4 0.1 45 90""",
}


@pytest.mark.parametrize("number", PUBLISHED)
def test_every_published_accuracy_is_there(number: int) -> None:
    assert [row.accuracy for row in read_paper().table(number).rows] == PUBLISHED[number]


@pytest.mark.parametrize("number", SETTINGS)
def test_every_published_hyper_parameter_is_there(number: int) -> None:
    for row, line in zip(read_paper().table(number).rows, SETTINGS[number].splitlines(), strict=True):
        rate, head, backbone, alpha, *rest = line.split()
        settings = row.settings
        assert settings is not None
        assert settings.learning_rate == float(rate)
        assert settings.head_learning_rate == float(head)
        assert settings.backbone_learning_rate == float(backbone)
        assert settings.head_weight == float(alpha)
        assert settings.steps == (int(rest[0]), int(rest[1]))
        assert settings.loss == (rest[2] if len(rest) == 3 else None)


def test_table_4_prints_the_increases_over_rgb() -> None:
    assert [row.increase for row in read_paper().table(4).rows] == [7.4, 5.4, 3.4, 4.9, None]


def test_single_trials_are_multiples_of_a_116th_except_one() -> None:
    def is_multiple(accuracy: float) -> bool:
        digits = len(str(accuracy).partition(".")[2])
        return any(abs(100 * right / 116 - accuracy) < 10**-digits for right in range(117))

    odd = [
        row.accuracy
        for table in read_paper().tables
        if table.trials == 1
        for row in table.rows
        if not is_multiple(row.accuracy)
    ]
    assert odd == [63.3]


def test_unknown_table_is_named() -> None:
    with pytest.raises(UsageError, match="no Table 9: choose one of 1, 2, 3, 4, 5, 6"):
        read_paper().table(9)
