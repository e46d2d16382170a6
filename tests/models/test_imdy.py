"""ImDy: a set of markers, masks that mask, windows by brute force, labels that no mix touches."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub

from vidzoo.anatomy import COORDINATES, MARKERS, PELVIS_MARKERS
from vidzoo.engine import read_checkpoint, train
from vidzoo.errors import ConfigError
from vidzoo.models.estimators import ImDy, imdy
from vidzoo.models.estimators.imdy import ImDyOutput
from vidzoo.registry import MODELS
from vidzoo.structures import TorqueSample

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
PELVIS = [MARKERS.index(name) for name in PELVIS_MARKERS]
OTHERS = [m for m in range(51) if m not in PELVIS]
T, NOW, B, K = 6, 2, 3, 4
L = T + K - 1


def build(torques: int = 11, seed: int = 0, **options) -> ImDy:
    torch.manual_seed(seed)
    parts = {
        "torque_codec": {"type": "TorqueCodec", "torques": COORDINATES[6 : 6 + torques]},
        "torque_loss": {"type": "WeightedMSELoss", "weight": 1.0},
        "marker_loss": {"type": "WeightedL1Loss"},
        "grf_loss": {"type": "WeightedMSELoss", "weight": 1.0},
        "contact_loss": {"type": "WeightedBCELoss"},
        "grf_change_loss": {"type": "WeightedL1Loss", "weight": 0.01},
    }
    model = MODELS.build({"type": "ImDy", **parts, **options})
    rng = np.random.default_rng(0)
    model.set_statistics(
        {
            "torques_per_kg": (rng.normal(size=torques), rng.uniform(0.2, 1.0, torques)),
            "grf_per_kg": (rng.normal(size=(2, 3)), rng.uniform(0.5, 3.0, (2, 3))),
        }
    )
    return model


def losses_of(model: ImDy, output: ImDyOutput, samples: list[TorqueSample]) -> dict[str, torch.Tensor]:
    """Return the losses of a raw result that is there already."""
    with patch.object(model, "tensor", lambda _: output):
        return model.loss({}, samples)


def clips(seed: int = 0, missing: float = 0.03) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    place = torch.randn(B, 1, 51, 3, generator=g)
    return {
        "markers": place + 0.05 * torch.randn(B, L, 51, 3, generator=g).cumsum(1),
        "marker_valid": torch.rand(B, L, 51, generator=g) >= missing,
    }


def labels(seed: int = 0) -> list[TorqueSample]:
    g = torch.Generator().manual_seed(seed)
    samples = []
    for b in range(B):
        sample = TorqueSample(metainfo={"subject": "s", "trial": "DJ1", "mass": 60.0 + 10 * b})
        sample.gt_torques = 50 * torch.randn(K, 11, generator=g)
        sample.valid = torch.rand(K, 11, generator=g) > 0.2
        sample.gt_grf = 200 * torch.randn(L, 2, 3, generator=g)
        sample.gt_contact = (sample.gt_grf[..., 1] >= 20).float()
        sample.gt_grf_valid = torch.rand(L, generator=g) > 0.2
        samples.append(sample)
    return samples


def label_tensors(samples: list[TorqueSample]) -> dict[str, torch.Tensor]:
    return {name: torch.stack([s.get(name) for s in samples]) for name in samples[0].keys()}  # noqa: SIM118


@pytest.fixture
def epoch():
    """Tell the message hub how far a training is."""

    def tell(done: int, of: int) -> None:
        hub = MessageHub.get_instance("test_imdy")
        hub.update_info("epoch", done)
        hub.update_info("max_epochs", of)

    yield tell
    tell(0, 1)


@pytest.fixture
def shown():
    """What a model's forward-dynamics net is shown, call by call."""
    calls: list[dict] = []

    def watch(model: ImDy) -> list[dict]:
        names = ("history", "valid", "torques", "grf", "grf_valid")
        model.forward_dynamics.register_forward_pre_hook(lambda _, args: calls.append(dict(zip(names, args))))
        return calls

    return watch


# --- size -----------------------------------------------------------------------------------------------------------
def test_parameters_are_those_of_the_released_networks():
    model = build(torques=17)
    sizes = [sum(p.numel() for p in part.parameters()) for part in (model.inverse_dynamics, model.forward_dynamics)]
    assert sizes == [155_425, 153_283]
    assert sum(p.numel() for p in model.parameters()) == 308_708


def test_parameters_with_eleven_torques_alone():
    """6 outputs fewer than 17, no forces and contacts (16 outputs, a token of 6 numbers); 65 weights an output."""
    model = build(ground_forces=False)
    assert sum(p.numel() for p in model.inverse_dynamics.parameters()) == 155_425 - (6 + 16) * 65
    assert sum(p.numel() for p in model.forward_dynamics.parameters()) == 153_283 - 6 * 64 - (6 + 1) * 64
    losses = model.train()(clips(), labels(), mode="loss")
    assert set(losses) == {"loss_torque", "loss_markers"}
    assert "pred_grf" not in model.eval()(clips(), labels(), mode="predict")[0]


# --- a set of markers -------------------------------------------------------------------------------------------------
def test_the_order_of_markers_is_nothing():
    model, inputs = build().eval(), clips()
    order = torch.arange(51)
    order[OTHERS] = torch.tensor(OTHERS)[torch.randperm(len(OTHERS))]
    order[PELVIS] = torch.tensor(PELVIS)[[2, 0, 3, 1]]
    with torch.no_grad():
        one, other = model(inputs), model({name: value[:, :, order] for name, value in inputs.items()})
        torch.testing.assert_close(one.torques, other.torques, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(one.contact, other.contact, atol=1e-5, rtol=1e-5)
        n = len(one.windows.valid)
        given = (torch.randn(n, 11), torch.randn(n, 2, 3), torch.rand(n) > 0.5)
        here = model.forward_dynamics(one.windows.positions[:, :3], one.windows.valid, *given)
        there = model.forward_dynamics(other.windows.positions[:, :3], other.windows.valid, *given)
    torch.testing.assert_close(here[:, order], there, atol=1e-5, rtol=1e-5)


def test_a_missing_marker_has_no_influence(shown):
    inputs = clips()
    model = build(min_markers=None, dropout=0.0).train()
    valid = inputs["marker_valid"]
    valid[0, 3, 10] = valid[1, NOW, PELVIS[1]] = False
    elsewhere = {**inputs, "markers": torch.where(valid[..., None], inputs["markers"], torch.tensor(1e4))}
    calls = shown(model)
    results = []
    for given in (inputs, elsewhere):
        output = model(given)
        total = sum(losses_of(model, output, labels()).values())
        results.append((output, torch.autograd.grad(total, list(model.parameters()))))
    for a, b in ((results[0][0].torques, results[1][0].torques), (results[0][0].grf, results[1][0].grf)):
        assert torch.equal(a, b)
    assert all(torch.equal(a, b) for a, b in zip(results[0][1], results[1][1]))
    assert torch.equal(calls[0]["history"], calls[1]["history"])
    seen = {**inputs, "marker_valid": torch.ones_like(valid)}
    assert not torch.allclose(model(seen).torques, results[0][0].torques)


def test_stand_ins_count_only_where_nothing_else_is_there():
    model = build().eval()
    inputs = clips(missing=0.0)
    inputs["marker_valid"][0, 4] = False  # no marker is whole in any window that holds frame 4: all but none
    inputs["marker_valid"][1, NOW, PELVIS] = False  # no pelvis at the first prediction
    with torch.no_grad():
        output = model(inputs)
        everything = build(mask_missing=False).eval()({"markers": inputs["markers"]})
    assert output.torques.isfinite().all()
    torch.testing.assert_close(output.torques[0], everything.torques[0])
    windows = output.windows.positions.unflatten(0, (B, K))
    centre = inputs["markers"][1, NOW, PELVIS].mean(0) * torch.tensor([1.0, 0, 1])
    torch.testing.assert_close(windows[1, 0, :, OTHERS], inputs["markers"][1, :T, OTHERS] - centre)
    assert model.requires == ("markers", "marker_valid")
    assert build(mask_missing=False).requires == ("markers",)


def test_the_place_in_the_room_is_unknown_and_the_height_is_not():
    model, inputs = build().eval(), clips()
    with torch.no_grad():
        here = model(inputs).torques
        for offset, same in (([3.0, 0, -2.0], True), ([0.0, 0.3, 0], False)):
            moved = model({**inputs, "markers": inputs["markers"] + torch.tensor(offset)}).torques
            assert torch.allclose(here, moved, atol=1e-4) == same


# --- window by window -------------------------------------------------------------------------------------------------
def window_by_hand(inputs: dict, b: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return centred positions [T, m, 3] and features [m, 36] of the m whole markers of prediction k of clip b."""
    markers = inputs["markers"][b, k : k + T].double().numpy()
    seen = inputs["marker_valid"][b, k : k + T].numpy()
    pelvis = np.mean([markers[NOW, m] for m in PELVIS if seen[NOW, m]], axis=0)
    place = markers - [pelvis[0], 0, pelvis[2]]
    tokens, kept = [], [m for m in range(51) if seen[:, m].all()]
    for m in kept:
        token = []
        for t in range(T):
            before, after = max(t - 1, 0), min(t + 1, T - 1)
            token += [*place[t, m], *((place[after, m] - place[before, m]) / (after - before))]
        tokens.append(token)
    return place[:, kept], np.array(tokens, dtype=np.float32)


def test_all_windows_at_once_are_each_window_alone():
    """Against tokens made by hand, without padding, without masks, one window after the other."""
    model, inputs = build().eval(), clips(missing=0.05)
    net = model.inverse_dynamics
    with torch.no_grad():
        output = model(inputs)
        for b in range(B):
            for k in range(K):
                _, tokens = window_by_hand(inputs, b, k)
                assert 20 < len(tokens) < 51
                states = net.decoder(net.query[None], net.embed(torch.from_numpy(tokens)[None]))
                found = torch.cat([output.torques[b, k], output.grf[b, k].flatten(), output.contact[b, k].flatten()])
                torch.testing.assert_close(found, net.head(states)[0, 0], atol=1e-5, rtol=1e-4)


def test_a_clip_of_one_window_gives_what_the_long_clip_gives():
    model, inputs = build().eval(), clips()
    with torch.no_grad():
        together = model(inputs).torques
        for k in range(K):
            alone = model({name: value[:, k : k + T] for name, value in inputs.items()}).torques
            torch.testing.assert_close(alone[:, 0], together[:, k], atol=1e-5, rtol=1e-4)


def test_drawn_markers_are_random_ones_of_those_seen():
    valid = torch.rand(40, 51) > 0.3
    number_of = torch.arange(51.0).expand(40, T, 51)[..., None].expand(-1, -1, -1, 3)
    numbers = torch.arange(51).expand(40, 51)
    windows = imdy.MarkerWindows(number_of, valid, numbers)
    for number in (22, 40, 51):
        drawn = imdy.draw_markers(windows, number)
        assert drawn.positions.shape == (40, T, number, 3)
        which = drawn.positions[:, 0, :, 0].long()
        assert torch.equal(drawn.positions, which[:, None, :, None].float().expand_as(drawn.positions))
        assert all(len(set(row)) == number for row in which.tolist())
        assert torch.equal(drawn.which, which)
        assert torch.equal(drawn.valid, valid.gather(1, which))
        assert torch.equal(
            drawn.valid.sum(1), valid.sum(1).clamp(max=number)
        )  # stand-ins only when nothing else is left
    subsets = [frozenset(row) for row in imdy.draw_markers(windows, 22).positions[:, 0, :, 0].tolist()]
    assert len(set(subsets)) == 40
    counts = torch.zeros(51)
    everyone = imdy.MarkerWindows(number_of, torch.ones_like(valid), numbers)
    for _ in range(50):
        counts += imdy.draw_markers(everyone, 22).positions[:, 0, :, 0].long().flatten().bincount(minlength=51)
    np.testing.assert_allclose(counts / 2000, 22 / 51, atol=0.06)  # 5 standard deviations


def test_training_shows_22_to_51_markers_and_testing_all():
    model = build().train()
    inputs = {name: value[:1, :T] for name, value in clips().items()}
    with torch.no_grad():
        sizes = {model(inputs).windows.valid.shape[1] for _ in range(150)}
        assert 22 <= min(sizes) < 25 and 48 < max(sizes) <= 51 and len(sizes) > 20
        assert {model.eval()(inputs).windows.valid.shape[1] for _ in range(3)} == {51}
        assert build(min_markers=None).train()(inputs).windows.valid.shape[1] == 51


# --- losses -----------------------------------------------------------------------------------------------------------
def test_scaled_velocities_are_as_scaled_weights():
    """A token is 6 frames of 3 places and 3 velocities; these 60 times as large are their weights 60 times as large."""
    scaled, plain = build(velocity_scale=60.0).eval(), build().eval()
    plain.load_state_dict(scaled.state_dict())
    with torch.no_grad():
        plain.inverse_dynamics.embed.weight.unflatten(1, (6, 6))[:, :, 3:] *= 60
        inputs = clips()
        torch.testing.assert_close(scaled(inputs).torques, plain(inputs).torques, atol=1e-4, rtol=1e-4)
        plain.inverse_dynamics.embed.weight.unflatten(1, (6, 6))[:, :, 3:] /= 60
        assert (scaled(inputs).torques - plain(inputs).torques).abs().max() > 1e-2


def test_named_markers_are_no_set():
    """With names markers must not change places, and the size grows by one vector a marker."""
    model, inputs = build(names=True, torques=17).eval(), clips(missing=0.0)
    assert sum(p.numel() for p in model.parameters()) == 308_708 + 51 * 64
    order = torch.arange(51)
    order[OTHERS] = torch.tensor(OTHERS)[torch.randperm(len(OTHERS))]
    with torch.no_grad():
        one, other = model(inputs), model({name: value[:, :, order] for name, value in inputs.items()})
        assert (one.torques - other.torques).abs().max() > 1e-2
        model.inverse_dynamics.embed_name.weight[:] = 0.0
        one, other = model(inputs), model({name: value[:, :, order] for name, value in inputs.items()})
    torch.testing.assert_close(one.torques, other.torques, atol=1e-5, rtol=1e-5)


def test_losses_by_hand(shown):
    model = build(min_markers=None, dropout=0.0).train()
    calls = shown(model)
    inputs, samples = clips(missing=0.05), labels()
    samples[1].valid[2] = False  # nobody is predicted there
    output = model(inputs)
    losses = losses_of(model, output, samples)
    t_mean, t_std = (v.numpy() for v in (model.torque_codec.mean, model.torque_codec.std))
    f_mean, f_std = (v.numpy() for v in (model.grf_codec.mean, model.grf_codec.std))
    grf, contact, torques = (v.detach().numpy() for v in (output.grf, output.contact, output.torques))
    errors = {name: [] for name in ("torque", "grf", "contact", "grf_change", "markers")}
    moved = model.forward_dynamics(**calls[0]).detach().numpy()
    for b, sample in enumerate(samples):
        force = (sample.gt_grf.numpy() / sample.mass - f_mean) / f_std
        for k in range(K):
            label = (sample.gt_torques[k].numpy() / sample.mass - t_mean) / t_std
            good = sample.valid[k].numpy()
            errors["torque"] += list(((torques[b, k] - label) ** 2)[good])
            for offset in (0, 1):
                at = k + NOW + offset
                if sample.gt_grf_valid[at]:
                    errors["grf"] += list(((grf[b, k, offset] - force[at]) ** 2).ravel())
                    p = 1 / (1 + np.exp(-contact[b, k, offset].astype(float)))
                    stands = sample.gt_grf[at, :, 1].numpy() >= 20
                    errors["contact"] += list(-np.log(np.where(stands, p, 1 - p)))
            if sample.gt_grf_valid[k + NOW : k + NOW + 2].all():
                change = (grf[b, k, 1] - grf[b, k, 0]) - (force[k + NOW + 1] - force[k + NOW])
                errors["grf_change"] += list(0.01 * np.abs(change).ravel())
            given, n = calls[0], b * K + k
            np.testing.assert_allclose(given["torques"][n].detach(), np.where(good, label, 0), rtol=1e-5, atol=1e-6)
            assert given["grf_valid"][n] == sample.gt_grf_valid[k + NOW]
            np.testing.assert_allclose(given["grf"][n].detach(), force[k + NOW], rtol=1e-5, atol=1e-6)
            place, _ = window_by_hand(inputs, b, k)
            kept = given["valid"][n].numpy()
            np.testing.assert_allclose(given["history"][n][:, kept], place[: NOW + 1], atol=1e-6)
            if good.any():
                errors["markers"] += list(np.abs(moved[n, kept] - place[NOW + 1]).ravel())
    assert set(losses) == {f"loss_{name}" for name in errors}
    for name, values in errors.items():
        assert losses[f"loss_{name}"].item() == pytest.approx(np.mean(values), rel=1e-4), name


def test_trials_without_forces_teach_torques_and_markers_alone():
    model = build(dropout=0.0, min_markers=None).train()
    samples = labels()
    for sample in samples:
        sample.gt_grf_valid[:] = False
        sample.gt_grf[:] = 0
    losses = model(clips(), samples, mode="loss")
    assert {name for name, value in losses.items() if value == 0} == {
        "loss_grf", "loss_contact", "loss_grf_change"
    }  # fmt: skip
    sum(losses.values()).backward()
    assert model.inverse_dynamics.head.weight.grad[11:].abs().max() == 0
    assert model.forward_dynamics.embed_grf.weight.grad.abs().max() == 0
    assert model.inverse_dynamics.head.weight.grad[:11].abs().max() > 0


def test_the_mix_begins_after_a_tenth_and_touches_no_target(epoch, shown):
    model = build(dropout=0.0, min_markers=None).train()
    calls = shown(model)
    output = model(clips())
    true = model.torque_codec.encode(label_tensors(labels())["gt_torques"], torch.tensor([60.0, 70, 80]))
    shares = []
    for done in (0, 14, 15, 149):
        epoch(done, 150)
        picked = []
        for seed in range(12):
            samples = labels()
            before = {name: value.clone() for name, value in label_tensors(samples).items()}
            valid = before["valid"]
            torch.manual_seed(seed)
            losses = losses_of(model, output, samples)
            assert all(torch.equal(value, before[name]) for name, value in label_tensors(samples).items())
            by_hand = (output.torques - true)[valid].square().mean().item()
            assert losses["loss_torque"].item() == pytest.approx(by_hand, rel=1e-5)
            given = calls[-1]
            is_true = (given["torques"] == torch.where(valid, true, 0.0).flatten(0, 1)).all(-1)
            is_predicted = (given["torques"] == output.torques.flatten(0, 1)).all(-1)
            assert (is_true ^ is_predicted).all()
            assert torch.equal(is_predicted, (given["grf"] == output.grf[:, :, 0].flatten(0, 1)).all((1, 2)))
            picked += is_predicted.tolist()
        torch.manual_seed(seed)
        again = losses_of(model, output, samples)
        assert all(torch.equal(value, again[name]) for name, value in losses.items())
        shares.append(np.mean(picked))
    assert shares[:2] == [0, 0]
    assert shares[2:] == pytest.approx([0.2, 0.2], abs=0.1)  # 3 standard deviations; the seeds are fixed


def test_the_cycle_reaches_the_inverse_net_through_what_it_predicted(epoch, monkeypatch):
    epoch(1, 2)
    monkeypatch.setattr(imdy, "PREDICTED_SHARE", 1.0)
    model = build(dropout=0.0).train()
    for evaluating, reached in ((False, True), (True, False)):
        model.train(not evaluating)
        model.zero_grad()
        model(clips(), labels(), mode="loss")["loss_markers"].backward()
        gradient = model.inverse_dynamics.embed.weight.grad
        assert (gradient is not None and bool(gradient.abs().max() > 0)) == reached


# --- forces are not torques -------------------------------------------------------------------------------------------
def test_forces_and_torques_are_scored_apart():
    model = build(dropout=0.0, min_markers=None).train()
    inputs = clips()
    plain, other_torques, other_forces = labels(), labels(), labels()
    for sample in other_torques:
        sample.gt_torques += 500
    for sample in other_forces:
        sample.gt_grf += 500
        sample.gt_contact = 1 - sample.gt_contact
    a, b, c = (model(inputs, samples, mode="loss") for samples in (plain, other_torques, other_forces))
    for name in ("loss_grf", "loss_contact"):
        assert a[name] == b[name] and a[name] != c[name]
    assert a["loss_torque"] == c["loss_torque"] and a["loss_torque"] != b["loss_torque"]
    model.eval()
    with torch.no_grad():
        model.inverse_dynamics.head.weight.zero_()
        bias = torch.arange(27.0)
        bias[23:] = torch.tensor([0.25, -0.25, 9.0, 9.0])  # a logit of 0.25 is a probability of 0.56
        model.inverse_dynamics.head.bias.copy_(bias)
        samples = model(inputs, labels(), mode="predict")
    for sample in samples:
        torques = (torch.arange(11.0) * model.torque_codec.std + model.torque_codec.mean) * sample.mass
        torch.testing.assert_close(sample.pred_torques, torques.expand(K, 11))
        forces = (torch.arange(11.0, 17.0).reshape(2, 3) * model.grf_codec.std + model.grf_codec.mean) * sample.mass
        torch.testing.assert_close(sample.pred_grf, forces.expand(K, 2, 3))
        assert sample.pred_contact.tolist() == [[True, False]] * K


# --- training ---------------------------------------------------------------------------------------------------------
def test_a_training_learns_and_resumes_to_the_same_bits(tiny_data_file, tiny_split, tmp_path):
    options = {
        "data_file": str(tiny_data_file),
        "split": str(tiny_split),
        "train_cfg.max_epochs": 3,
        "train_dataloader.num_workers": 0,
        "train_dataloader.persistent_workers": False,
        "train_dataloader.batch_size": 16,
        "default_hooks.checkpoint.max_keep_ckpts": -1,
        "default_hooks.logger.interval": 1,
    }
    runner = train(CONFIGS / "imdy_mirrored.py", work_dir=tmp_path / "a", cfg_options=options)
    losses = runner.message_hub.get_scalar("train/loss").data[0]
    assert len(losses) == 3 * 8  # 6 trials of 24 - 6 + 1 windows are 114
    assert np.mean(losses[-8:]) < 0.9 * np.mean(losses[:8])
    train(CONFIGS / "imdy_mirrored.py", work_dir=tmp_path / "b", resume=tmp_path / "a/epoch_1.pth", cfg_options=options)
    states = [read_checkpoint(tmp_path / run / "epoch_3.pth")["state_dict"] for run in ("a", "b")]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


# --- mistakes ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_index": 1}, "target_index=1 in window=6, expected 2 to 4"),
        ({"target_index": 5}, "target_index=5 in window=6, expected 2 to 4"),
        ({"heads": 5}, "dim=64 is no multiple of heads=5"),
        ({"min_markers": 0}, "min_markers=0"),
        ({"velocity_scale": 0.0}, "velocity_scale=0.0 must be a finite number above 0"),
        ({"grf_loss": None}, "grf_loss=None must be a config"),
    ],
)
def test_a_wrong_argument_is_named(options, message):
    with pytest.raises(ConfigError, match=message):
        build(**options)


def test_a_batch_that_does_not_fit_is_answered_in_a_sentence():
    model = build()
    with pytest.raises(ConfigError, match="needs inputs marker_valid, but the batch holds markers"):
        model({"markers": clips()["markers"]})
    with pytest.raises(ConfigError, match="a clip of 5 frames is shorter than window=6"):
        model({name: value[:, :5] for name, value in clips().items()})
    samples = labels()
    del samples[0].gt_grf
    with pytest.raises(ConfigError, match="holds no gt_grf, which this model learns"):
        model(clips(), samples, mode="loss")
