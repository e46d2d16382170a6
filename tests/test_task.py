"""What a task can say, how two of them are compared, and what a file may hold."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from vidzoo.anatomy import BENCHMARK_JOINTS
from vidzoo.errors import ConfigError, DataError
from vidzoo.task import TaskSpec

SPEC = TaskSpec(
    requires=("coordinates", "mass"),
    window=13,
    target_index=12,
    torques=BENCHMARK_JOINTS,
    marker_frame="camera",
    image_size=64,
    rate_hz=100.0,
)
SWAPPED = (BENCHMARK_JOINTS[1], BENCHMARK_JOINTS[0], *BENCHMARK_JOINTS[2:])


@pytest.mark.parametrize("spec", [SPEC, TaskSpec(), TaskSpec(requires=["frames"], image_size=256)])
def test_a_task_is_the_same_after_json(spec: TaskSpec):
    text = json.dumps(spec.to_dict(), allow_nan=False)
    assert TaskSpec.from_dict(json.loads(text), "here") == spec


def test_a_file_of_another_version_is_read():
    content = SPEC.to_dict()
    del content["image_size"]
    assert TaskSpec.from_dict({**content, "later": {"x": 1}}, "here") == replace(SPEC, image_size=None)
    assert TaskSpec.from_dict({}, "here") == TaskSpec()


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "window",
        {"window": "13"},
        {"window": True},
        {"window": 0},
        {"window": 5, "target_index": 5},
        {"target_index": 0},
        {"torques": "knee_angle_r"},
        {"torques": 3},
        {"torques": ["knee_angle_r", "knee_angle_r"]},
        {"torques": ["knee"]},
        {"torques": [["knee_angle_r"]]},
        {"requires": ["images"]},
        {"marker_frame": "world"},
        {"image_size": 0.5},
        {"rate_hz": float("nan")},
        {"rate_hz": -1},
        {"rate_hz": "100"},
    ],
)
def test_what_is_no_task_is_one_sentence(content: object):
    with pytest.raises(DataError, match=r"^file\.pth: ") as caught:
        TaskSpec.from_dict(content, "file.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"window": 9, "target_index": 4},
            "there has window=9 and target_index=4, but here has window=13 and target_index=12",
        ),
        ({"target_index": 6}, "there has target_index=6, but here has target_index=12"),
        ({"marker_frame": "ground"}, "there has marker_frame='ground', but here has marker_frame='camera'"),
        ({"image_size": 96}, "there has image_size=96, but here has image_size=64"),
        ({"rate_hz": 60.0}, "there has rate_hz=60.0, but here has rate_hz=100.0"),
        (
            {"torques": SWAPPED},
            f"there has the torques in another order (torques[0]='{SWAPPED[0]}'), but here has "
            f"torques[0]='{BENCHMARK_JOINTS[0]}'",
        ),
        (
            {"torques": (*BENCHMARK_JOINTS[1:], "pelvis_ty")},
            f"there has 11 torques, among them pelvis_ty, but here has 11 torques, among them {BENCHMARK_JOINTS[0]}",
        ),
        (
            {"torques": BENCHMARK_JOINTS[:-1]},
            f"there has 10 torques, but here has 11 torques, among them {BENCHMARK_JOINTS[-1]}",
        ),
        ({"requires": ("mass",)}, "there has 1 input, but here has 2 inputs, among them coordinates"),
    ],
)  # fmt: skip
def test_each_difference_names_both_places(change: dict, said: str):
    other = replace(SPEC, **change)
    assert SPEC.contradiction(other, "here", "there") == said
    assert SPEC.differences(other) == list(change)
    assert other.differences(SPEC) == list(change)


def test_what_says_nothing_contradicts_nothing():
    assert SPEC.contradiction(SPEC, "here", "there") is None
    assert SPEC.contradiction(TaskSpec(), "here", "there") is None
    assert TaskSpec().differences(SPEC) == []
    assert SPEC.differences(replace(SPEC, requires=("mass", "coordinates"), rate_hz=100.05)) == []


def test_a_mistake_in_a_config_is_a_config_error():
    with pytest.raises(ConfigError, match="window=0 must be a whole number"):
        TaskSpec(window=0)


def test_it_needs_no_torch():
    code = "import sys, vidzoo.task; sys.exit('torch' in sys.modules or 'mmengine' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
