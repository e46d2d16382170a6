from __future__ import annotations

import pytest
import torch

from vidzoo.errors import ConfigError
from vidzoo.models.temporal_heads import (
    FrameTorqueHead,
    LSTMTorqueHead,
    PerceptronTorqueHead,
    TCNTorqueHead,
    TransformerTorqueHead,
    unfold_windows,
)
from vidzoo.models.temporal_heads.tcn import dilations_of

HEADS = {
    "transformer": lambda **kw: TransformerTorqueHead(10, num_torques=4, window=5, dim=16, heads=2, depth=2, **kw),
    "lstm": lambda **kw: LSTMTorqueHead(10, num_torques=4, window=5, hidden=8, **kw),
    "forward lstm": lambda **kw: LSTMTorqueHead(10, num_torques=4, window=5, hidden=8, bidirectional=False, **kw),
    "tcn": lambda **kw: TCNTorqueHead(10, num_torques=4, window=5, hidden=8, **kw),
    "perceptron": lambda **kw: PerceptronTorqueHead(10, num_torques=4, window=5, hidden=[8], **kw),
    "frame": lambda **kw: FrameTorqueHead(10, num_torques=4, window=5, hidden=[8], **kw),
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
    """Every frame of a window changes the prediction, but a forward LSTM's centre sees no later frame.

    A head without time sees the centre alone.
    """
    tokens = torch.randn(1, 5, 10, requires_grad=True)
    head(tokens).sum().backward()
    reach = tokens.grad.abs().sum(-1)[0] > 0
    blind = {"forward": [3, 4], "frame": [0, 1, 3, 4]}
    unseen = next((frames for name, frames in blind.items() if f"[{name}" in request.node.name), [])
    assert reach.tolist() == [t not in unseen for t in range(5)]
    if len(unseen) == 4:
        return
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


@pytest.mark.parametrize(
    "cls", [TransformerTorqueHead, LSTMTorqueHead, TCNTorqueHead, PerceptronTorqueHead, FrameTorqueHead]
)
def test_an_even_window_has_no_centre(cls):
    with pytest.raises(ConfigError, match="window=4 must be odd"):
        cls(10, window=4)


def test_wrong_transformer_arguments_are_named():
    with pytest.raises(ConfigError, match="heads=3"):
        TransformerTorqueHead(10, dim=16, heads=3)


@pytest.mark.parametrize("window", [1, 3, 5, 9, 11, 13, 17, 31, 81])
def test_dilations_see_each_frame_of_the_window_and_no_other(window):
    """The sums of one tap, -d, 0 or d, of every layer are the frames that the centre sees."""
    seen = {0}
    for dilation in dilations_of(window):
        seen = {frame + tap for frame in seen for tap in (-dilation, 0, dilation)}
    assert seen == set(range(-(window // 2), window // 2 + 1))


@pytest.mark.parametrize("window", [1, 5, 13])
def test_a_tcn_is_its_sums_written_out(window):
    """Frame by frame and tap by tap, with no convolution at all."""
    torch.manual_seed(0)
    head = TCNTorqueHead(6, num_torques=3, window=window, hidden=8).eval()
    tokens = torch.randn(2, window + 3, 6)

    def norm(x, layer):
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + layer.eps).sqrt()
        return x * layer.weight + layer.bias

    def block(layer, states):
        d, weight = layer.dilation, layer.conv.weight
        frames = []
        for t in range(d, states.shape[1] - d):
            taps = [norm(states[:, t + i * d], layer.norm) @ weight[:, :, i + 1].T for i in (-1, 0, 1)]
            x = sum(taps) + layer.conv.bias
            x = 0.5 * x * (1 + torch.erf(x / 2**0.5))
            frames.append(states[:, t] + x @ layer.mix[2].weight.T + layer.mix[2].bias)
        return torch.stack(frames, dim=1)

    with torch.no_grad():
        states = tokens @ head.project.weight.T + head.project.bias
        for layer in head.blocks:
            states = block(layer, states)
        expected = norm(states, head.norm) @ head.output.weight.T + head.output.bias
        torch.testing.assert_close(head(tokens), expected, rtol=1e-4, atol=1e-5)
    assert expected.shape == (2, 4, 3)


def test_a_tcn_shares_its_states_between_windows():
    """Three blocks of three taps for each frame, not for each window."""
    head = TCNTorqueHead(10, num_torques=4, window=13, hidden=8)
    counted = []
    for block in head.blocks:
        block.conv.register_forward_hook(lambda _, __, out: counted.append(out.shape[-1]))
    head(torch.randn(1, 44, 10))
    assert counted == [42, 38, 32]


def test_a_frame_head_without_hidden_layers_is_linear():
    head = FrameTorqueHead(10, num_torques=4, window=3, hidden=[])
    tokens = torch.randn(2, 6, 10)
    torch.testing.assert_close(head(tokens), tokens[:, 1:-1] @ head.mlp[0].weight.T + head.mlp[0].bias)
    sizes = [tuple(p.shape) for p in FrameTorqueHead(306).parameters() if p.ndim == 2]
    assert sizes == [(256, 306), (256, 256), (256, 256), (11, 256)]
