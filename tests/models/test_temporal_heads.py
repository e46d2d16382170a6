from __future__ import annotations

import pytest
import torch

from vidzoo.errors import ConfigError
from vidzoo.models.temporal_heads import LSTMTorqueHead, TransformerTorqueHead, unfold_windows
from vidzoo.models.temporal_heads.transformer import sinusoids

HEADS = {
    "transformer": lambda **kw: TransformerTorqueHead(10, num_torques=4, window=5, dim=16, heads=2, depth=2, **kw),
    "sinusoidal": lambda **kw: TransformerTorqueHead(10, 4, 5, dim=16, heads=2, depth=2, position="sinusoidal", **kw),
    "lstm": lambda **kw: LSTMTorqueHead(10, num_torques=4, window=5, hidden=8, **kw),
    "forward lstm": lambda **kw: LSTMTorqueHead(10, num_torques=4, window=5, hidden=8, bidirectional=False, **kw),
}


@pytest.fixture(params=HEADS)
def head(request):
    torch.manual_seed(0)
    return HEADS[request.param]().eval()


def test_unfold_windows_are_slices():
    tokens = torch.randn(2, 7, 3)
    windows = unfold_windows(tokens, 5)
    expected = torch.stack([tokens[b, k : k + 5] for b in range(2) for k in range(3)])
    assert torch.equal(windows, expected)


def test_a_clip_equals_its_single_windows(head):
    tokens = torch.randn(3, 9, 10)
    with torch.no_grad():
        clip = head(tokens)
        single = torch.cat([head(tokens[:, k : k + 5]) for k in range(5)], dim=1)
    assert clip.shape == (3, 5, 4)
    torch.testing.assert_close(clip, single, rtol=1e-5, atol=1e-6)


def test_the_whole_window_and_its_order_count(head, request):
    """Every frame of a window changes the prediction, but a forward LSTM's centre sees no later frame."""
    tokens = torch.randn(1, 5, 10, requires_grad=True)
    head(tokens).sum().backward()
    reach = tokens.grad.abs().sum(-1)[0] > 0
    expected = [True] * 3 + [False] * 2 if "forward" in request.node.name else [True] * 5
    assert reach.tolist() == expected
    shuffled = tokens[:, [1, 0, 2, 4, 3]]
    assert not torch.allclose(head(tokens), head(shuffled), atol=1e-6)


def test_a_frame_is_projected_once():
    head = HEADS["transformer"]()
    counted = []
    head.project.register_forward_hook(lambda _, args, __: counted.append(args[0].shape[:-1].numel()))
    head(torch.randn(2, 20, 10))
    assert counted == [40]


def test_layers_begin_different():
    layers = HEADS["transformer"]().encoder.layers
    assert not torch.equal(layers[0].linear1.weight, layers[1].linear1.weight)


def test_a_clip_shorter_than_the_window_names_the_argument(head):
    with pytest.raises(ConfigError, match="window=5"):
        head(torch.randn(1, 4, 10))


@pytest.mark.parametrize("cls", [TransformerTorqueHead, LSTMTorqueHead])
def test_an_even_window_has_no_centre(cls):
    with pytest.raises(ConfigError, match="window=4 must be odd"):
        cls(10, window=4)


def test_wrong_transformer_arguments_are_named():
    with pytest.raises(ConfigError, match="heads=3"):
        TransformerTorqueHead(10, dim=16, heads=3)
    with pytest.raises(ConfigError, match="position='rotary'"):
        TransformerTorqueHead(10, position="rotary")


def test_sinusoids_are_vaswanis():
    code = sinusoids(5, 6)
    for t in range(5):
        for i in range(3):
            angle = torch.tensor(t / 10000 ** (2 * i / 6))
            torch.testing.assert_close(code[t, 2 * i : 2 * i + 2], torch.stack([angle.sin(), angle.cos()]))
