from __future__ import annotations

import pytest
import torch
from torchvision.transforms import Normalize

from vidzoo.errors import ConfigError
from vidzoo.models.data_preprocessors import ClipPreprocessor
from vidzoo.structures import TorqueSample


def test_is_torchvisions_normalisation_of_bytes():
    frames = torch.randint(0, 256, (2, 3, 3, 8, 8), dtype=torch.uint8)
    batch = {"inputs": {"frames": frames, "mass": torch.ones(2)}, "data_samples": [TorqueSample()]}
    result = ClipPreprocessor()(batch)
    expected = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(frames.flatten(0, 1) / 255)
    torch.testing.assert_close(result["inputs"]["frames"].flatten(0, 1), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(result["inputs"]["mass"], torch.ones(2))
    assert batch["inputs"]["frames"] is frames


def test_everything_moves_to_the_device():
    sample = TorqueSample(gt_torques=torch.zeros(1, 11), metainfo={"mass": 60.0})
    batch = {"inputs": {"frames": torch.zeros(1, 1, 3, 4, 4, dtype=torch.uint8)}, "data_samples": [sample]}
    result = ClipPreprocessor().to("meta")(batch)
    assert result["inputs"]["frames"].is_meta
    assert result["data_samples"][0].gt_torques.is_meta
    assert result["data_samples"][0].mass == 60.0


def test_a_batch_without_images_passes():
    markers = torch.randn(1, 2, 51, 3)
    assert torch.equal(ClipPreprocessor()({"inputs": {"markers": markers}})["inputs"]["markers"], markers)


def test_images_normalised_twice_are_refused():
    with pytest.raises(ConfigError, match=r"inputs\['frames'\] is torch.float32"):
        ClipPreprocessor()({"inputs": {"frames": torch.zeros(1, 1, 3, 4, 4)}})
