"""Whole trainings of the toy task, in this process."""

import hashlib
import math

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from toy_task import CLIPS, ToyDataset, ToyEstimator, ToyMetric, write_config

from vidzoo import engine
from vidzoo.engine import VIDRunner, build_runner, find_checkpoint, load_config, read_checkpoint, train
from vidzoo.errors import CheckpointError, ConfigError, DataError, UnknownNameError, VidZooError

STEPS = math.ceil(CLIPS / 4)


@pytest.fixture
def config(tmp_path):
    """Write a toy config; its name is the test's own, as MMEngine's loggers are global."""

    def write(extra="", **options):
        return write_config(tmp_path, name=f"{tmp_path.name}.py", extra=extra, **options)

    return write


class _Rates(Hook):
    def __init__(self):
        self.rates = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.rates.append(runner.optim_wrapper.get_lr()["lr"][0])


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize(("schedule", "last"), [("adam_500e", 1e-4), ("adam_short", 1e-5)])
def test_the_schedule_ends_with_the_leafs_epochs(config, tmp_path, epochs, schedule, last):
    runner = build_runner(config(epochs=epochs, schedule=schedule), work_dir=tmp_path / "w")
    rates = _Rates()
    runner.register_hook(rates)
    runner.train()
    total = epochs * STEPS
    expected = [last + (1e-3 - last) / 2 * (1 + math.cos(math.pi * step / total)) for step in range(total)]
    np.testing.assert_allclose(rates.rates, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"train_cfg.max_epochs": 5}, STEPS),
        ({"train_dataloader.batch_size": 2}, math.ceil(CLIPS / 2)),
        ({"optim_wrapper.optimizer.lr": 2e-3}, STEPS),
    ],
)
def test_a_resumed_training_follows_the_schedule_that_the_config_has_now(config, tmp_path, options, steps):
    path = config(epochs=3, extra="default_hooks = dict(checkpoint=dict(max_keep_ckpts=-1))")
    train(path, work_dir=tmp_path / "w")
    runner = build_runner(path, work_dir=tmp_path / "v", resume=tmp_path / "w/epoch_2.pth", cfg_options=options)
    rates = _Rates()
    runner.register_hook(rates)
    runner.train()
    epochs = options.get("train_cfg.max_epochs", 3)
    first = options.get("optim_wrapper.optimizer.lr", 1e-3)
    expected = [
        1e-4 + (first - 1e-4) / 2 * (1 + math.cos(math.pi * step / (epochs * steps)))
        for step in range(2 * steps, epochs * steps)
    ]
    np.testing.assert_allclose(rates.rates, expected, rtol=1e-6)
    assert (runner.epoch, runner.iter) == (epochs, epochs * steps)


def test_a_schedule_that_hangs_on_a_metric_cannot_be_entered_in_its_middle(config, tmp_path):
    path = config(epochs=1)
    train(path, work_dir=tmp_path / "w")
    plateau = [{"type": "ReduceOnPlateauLR", "monitor": "loss"}]
    with pytest.raises(CheckpointError, match=r"was trained on another schedule .* put the old one back"):
        train(path, work_dir=tmp_path / "w", resume=True, cfg_options={"param_scheduler": plateau})


def test_paper_schedule_is_500_epochs():
    from pathlib import Path

    bases = Path(__file__).resolve().parents[2] / "configs/_base_"
    schedule = load_config(bases / "schedules/adam_500e.py")
    assert schedule.train_cfg.max_epochs == 500
    assert schedule.optim_wrapper.optimizer == {"type": "Adam", "lr": 1e-3}
    assert load_config(bases / "runtime/default.py").default_hooks.checkpoint.get("save_best") is None


def test_checkpoints_statistics_and_a_test(config, tmp_path):
    path = config(epochs=3)
    runner = train(path, work_dir=tmp_path / "w")
    assert sorted(p.name for p in (tmp_path / "w").glob("*.pth")) == ["epoch_2.pth", "epoch_3.pth"]
    last = find_checkpoint(tmp_path / "w")
    assert last == tmp_path / "w" / "epoch_3.pth"
    weights = read_checkpoint(last)["state_dict"]
    assert weights["target_mean"].tolist() == [3.0, 3.0]
    metrics = engine.test(path, last, work_dir=tmp_path / "t", out=tmp_path / "out")
    assert metrics["count"] == metrics["distinct"] == CLIPS
    assert (tmp_path / "out" / "toy.json").is_file()
    model = runner.model.eval()
    with torch.no_grad():
        batch = torch.stack([torch.as_tensor(ToyDataset()[i]["inputs"]["markers"]) for i in range(CLIPS)])
        assert metrics["mean"] == pytest.approx(model({"markers": batch}).mean().item(), rel=1e-4)


VALIDATION = """
val_dataloader = dict(
    batch_size=4, num_workers=0, collate_fn=dict(type="default_collate"),
    sampler=dict(type="DefaultSampler", shuffle=False), dataset=dict(type="ToyDataset", subset="val"),
)
val_cfg = dict()
val_evaluator = dict(type="ToyMetric")
"""


def test_the_best_by_a_validation_side(config, tmp_path):
    extra = VALIDATION + 'default_hooks = dict(checkpoint=dict(save_best="mean", rule="greater", max_keep_ckpts=1))'
    train(config(extra, epochs=2), work_dir=tmp_path / "w")
    names = sorted(path.name for path in (tmp_path / "w").glob("*.pth"))
    assert names[0].startswith("best_mean_epoch_")
    assert names[1:] == ["epoch_2.pth"]
    assert find_checkpoint(tmp_path / "w").name == "epoch_2.pth"
    assert read_checkpoint(tmp_path / "w" / names[0])["meta"]["epoch"] in (1, 2)


def test_published_checkpoints_hold_what_is_asked_for(config, tmp_path):
    hook = 'checkpoint=dict(save_best="mean", rule="greater", max_keep_ckpts=1, published_keys=["state_dict", "meta"])'
    train(config(VALIDATION + f"default_hooks = dict({hook})", epochs=1), work_dir=tmp_path / "w")
    for kind in ("epoch_1", "best_mean_epoch_1"):
        (published,) = (tmp_path / "w").glob(f"{kind}-????????.pth")
        assert published.stem[-8:] == hashlib.sha256(published.read_bytes()).hexdigest()[:8]
        found, whole = read_checkpoint(published), read_checkpoint(tmp_path / "w" / f"{kind}.pth")
        assert found.keys() == {"meta", "state_dict"} and found["meta"] == whole["meta"]
        assert all(torch.equal(found["state_dict"][name], value) for name, value in whole["state_dict"].items())


def test_a_training_reads_no_foreign_code_and_no_other_machine(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"w": torch.ones(1)}, "x": Owned()}, "hostile.pth")
    for path, reason in (("hostile.pth", "refused, because it holds"), ("https://x.org/a.pth", "this machine only")):
        with pytest.raises(CheckpointError, match=reason):
            train(config(), work_dir=tmp_path / "w", load_from=path)
    assert not (tmp_path / "owned").exists()


class Owned:
    """Unpickles to a file ``owned``."""

    def __reduce__(self):
        return open, ("owned", "w")


def test_the_old_best_goes_when_the_new_one_is_there(config, tmp_path, monkeypatch):
    """Also where a kill came between: then the next training tidies up, and leaves alone what is not its own."""
    scores = iter((1.0, 2.0, 0.5, 1.5, 4.0))
    monkeypatch.setattr(ToyMetric, "compute_metrics", lambda self, results: {"score": next(scores)})
    extra = VALIDATION + 'default_hooks = dict(checkpoint=dict(save_best="score", rule="greater", max_keep_ckpts=1))'
    w = tmp_path / "w"
    there = []
    real = VIDRunner.save_checkpoint

    def save_checkpoint(self, *args, **kwargs):
        real(self, *args, **kwargs)
        there.append(sorted(path.name for path in w.glob("best_*.pth")))

    monkeypatch.setattr(VIDRunner, "save_checkpoint", save_checkpoint)
    path = config(extra, epochs=4)
    train(path, work_dir=w)
    assert ["best_score_epoch_1.pth", "best_score_epoch_2.pth"] in there
    assert sorted(path.name for path in w.glob("*.pth")) == ["best_score_epoch_2.pth", "epoch_4.pth"]
    kept = ["best_other_epoch_1.pth", "epoch_1.pth", "mine.pth"]
    for name in ("best_score_epoch_1.pth", "epoch_3.pth", *kept):
        (w / name).touch()
    train(path, work_dir=w, resume=True, cfg_options={"train_cfg.max_epochs": 5})
    names = sorted(path.name for path in w.glob("*.pth"))
    assert names == sorted(["best_score_epoch_5.pth", "epoch_5.pth", *kept])
    assert ["best_other_epoch_1.pth", "best_score_epoch_2.pth", "best_score_epoch_5.pth"] in there


def test_resuming_where_nothing_is_yet_begins(config, tmp_path):
    runner = train(config(epochs=1), work_dir=tmp_path / "w", resume=True)
    assert runner.epoch == 1


def test_resume_from_weights_alone_is_refused(config, tmp_path):
    path = config(epochs=1)
    torch.save(ToyEstimator().state_dict(), tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=r"has no meta, message_hub, optimizer"):
        train(path, work_dir=tmp_path / "w", resume=tmp_path / "weights.pth")
    content = {"state_dict": ToyEstimator().state_dict(), "meta": {"epoch": 1}, "message_hub": {}, "optimizer": {}}
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=r"has no meta\.iter, so"):
        train(path, work_dir=tmp_path / "w", resume=tmp_path / "weights.pth")


@pytest.mark.parametrize(
    "damage",
    [
        {"meta": {"epoch": "one", "iter": 1}},
        {"meta": {"epoch": -1, "iter": 1}},
        {"meta": {"epoch": 10**9, "iter": 1}},
        {"optimizer": {}},
        {"message_hub": 5},
    ],
)
def test_resume_from_a_damaged_checkpoint_is_refused(config, tmp_path, damage):
    path = config(epochs=1)
    train(path, work_dir=tmp_path / "w")
    content = read_checkpoint(tmp_path / "w/epoch_1.pth")
    meta = content["meta"] | damage.get("meta", {})
    torch.save(content | damage | {"meta": meta}, tmp_path / "damaged.pth")
    options = {"train_cfg.max_epochs": 2}
    with pytest.raises(CheckpointError, match=r"damaged\.pth: (its meta|no training can go on from it)"):
        train(path, work_dir=tmp_path / "v", resume=tmp_path / "damaged.pth", cfg_options=options)


def test_a_test_tells_the_checkpoints_epoch_and_seed(config, tmp_path):
    path = config(epochs=2)
    train(path, work_dir=tmp_path / "w", cfg_options={"randomness.seed": 5})
    hub = MessageHub.get_current_instance
    engine.test(path, tmp_path / "w", work_dir=tmp_path / "t")
    assert (hub().get_info("epoch"), hub().get_info("seed")) == (2, 5)
    train(path, work_dir=tmp_path / "v", load_from=tmp_path / "w/epoch_2.pth")
    assert (hub().get_info("epoch"), hub().get_info("seed")) == (1, 0)  # the last one begun, and its own seed
    torch.save(ToyEstimator().state_dict(), tmp_path / "weights.pth")
    engine.test(path, tmp_path / "weights.pth", work_dir=tmp_path / "t")
    assert (hub().get_info("epoch"), hub().get_info("seed")) == (None, None)
    with pytest.raises(CheckpointError, match="no training has left a checkpoint here"):
        engine.test(path, tmp_path, work_dir=tmp_path / "t")


def test_resume_on_another_split_is_refused_and_a_test_on_it_is_noted(config, tmp_path):
    path = config(epochs=1)
    train(path, work_dir=tmp_path / "w")
    other = {"train_dataloader.dataset.split_hash": "another", "train_cfg.max_epochs": 2}
    with pytest.raises(CheckpointError, match="was trained on the split a split, but the config now names another"):
        train(path, work_dir=tmp_path / "w", resume=True, cfg_options=other)
    engine.test(path, tmp_path / "w/epoch_1.pth", work_dir=tmp_path / "t")
    trained_on = MessageHub.get_current_instance().get_info("trained_on")
    assert trained_on == {"split_hash": "a split", "subset": "train"}


def test_another_models_checkpoint(config, tmp_path):
    path = config(epochs=1)
    torch.save({"state_dict": ToyEstimator(width=4).state_dict()}, tmp_path / "other.pth")
    for run in (
        lambda: engine.test(path, tmp_path / "other.pth", work_dir=tmp_path / "w"),
        lambda: train(path, load_from=tmp_path / "other.pth", work_dir=tmp_path / "w"),
    ):
        with pytest.raises(CheckpointError, match=r"other model.* of another shape \(stem\.0\.weight \(4, 3,"):
            run()
    assert not list((tmp_path / "w").glob("*.pth"))


def test_amp_ema_compile_and_tensorboard(config, tmp_path, monkeypatch):
    seen = set()
    forward = ToyEstimator.forward

    def spy(self, inputs, *args, mode="tensor", **kwargs):
        if mode == "loss":
            seen.add(self.stem[0](inputs["markers"]).dtype)
        return forward(self, inputs, *args, mode=mode, **kwargs)

    monkeypatch.setattr(ToyEstimator, "forward", spy)
    extra = """
compile = dict(backend="eager")
custom_hooks = [dict(type="EpochSeedHook"), dict(type="FitStatisticsHook"), dict(type="EMAHook", momentum=0.5)]
visualizer = dict(vis_backends=[dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")])
"""
    path = config(extra, epochs=1)
    train(path, work_dir=tmp_path / "w", amp=True)
    assert seen == {torch.float16 if torch.cuda.is_available() else torch.bfloat16}
    checkpoint = read_checkpoint(tmp_path / "w" / "epoch_1.pth")
    assert checkpoint["state_dict"]["head.weight"].dtype == torch.float32
    assert not torch.equal(checkpoint["state_dict"]["head.weight"], checkpoint["ema_state_dict"]["module.head.weight"])
    assert list((tmp_path / "w").rglob("events.out.tfevents.*"))


MISTAKES = {
    "misspelt model": ('model = dict(type="ToyEstimater")', "ToyEstimator"),
    "misspelt data set": ('train_dataloader = dict(dataset=dict(type="ToyDatset"))', "ToyDataset"),
    "misspelt optimiser": ('optim_wrapper = dict(optimizer=dict(type="Adm"))', "Adam"),
    "misspelt schedule": ('param_scheduler = [dict(type="CosineAnealingLR")]', "CosineAnnealingLR"),
    "misspelt sampler": ('train_dataloader = dict(sampler=dict(type="DefaultSamper"))', "DefaultSampler"),
    "misspelt loop": ('train_cfg = dict(type="EpochBasedTrainLop")', "EpochBasedTrainLoop"),
    "misspelt hook": ('custom_hooks = [dict(type="EpochSedHook")]', "EpochSeedHook"),
    "a batch of nothing": ("train_dataloader = dict(batch_size=0)", "train_dataloader.batch_size=0 must be"),
    "misspelt amp": ('optim_wrapper = dict(type="CPUAmpOptimWraper")', "CPUAmpOptimWrapper"),
    "unknown argument": ("model = dict(widht=3)", "widht"),
    "unknown argument of the loop": ("train_cfg = dict(max_epoch=3)", "max_epoch"),
    "impossible learning rate": ("optim_wrapper = dict(optimizer=dict(lr=-1))", "Invalid learning rate: -1"),
    "no workers to persist": ("train_dataloader = dict(persistent_workers=True)", "num_workers > 0"),
    "half a training": ("optim_wrapper = None", "optim_wrapper"),
    "no data": (
        "train_dataloader = None; train_cfg = None; optim_wrapper = None; param_scheduler = None",
        "to train by",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_config_is_one_sentence(config, tmp_path, name):
    extra, expected = MISTAKES[name]
    with pytest.raises(ConfigError) as caught:
        train(config(extra), work_dir=tmp_path / "w")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_components_own_fault_keeps_its_traceback(config, tmp_path, monkeypatch):
    monkeypatch.setattr(ToyEstimator, "__init__", lambda self: 1 + "1")
    with pytest.raises(TypeError, match="unsupported operand"):
        train(config(), work_dir=tmp_path / "w")


def test_too_little_memory_is_one_sentence(config, tmp_path, monkeypatch):
    def forward(self, *args, **kwargs):
        raise errors[-1]

    path = config(epochs=1)
    train(path, work_dir=tmp_path / "w")
    monkeypatch.setattr(ToyEstimator, "forward", forward)
    errors = []
    for lack in (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"),
    ):
        errors.append(lack)
        for run in (
            lambda: train(path, work_dir=tmp_path / "v"),
            lambda: engine.test(path, tmp_path / "w", work_dir=tmp_path / "t"),
        ):
            with pytest.raises(VidZooError, match=r"out of memory: .*batch_size.*predictions.*--amp"):
                run()
    errors.append(RuntimeError("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        train(path, work_dir=tmp_path / "v")


def test_a_work_dir_that_is_a_file(config, tmp_path):
    (tmp_path / "note.txt").touch()
    for place in ("note.txt", "note.txt/w"):
        with pytest.raises(ConfigError, match=r"--work-dir .*note\.txt is a file; name a folder"):
            build_runner(config(), work_dir=tmp_path / place)


def test_a_model_that_declares_no_task(config, tmp_path, monkeypatch):
    monkeypatch.delattr(ToyEstimator, "task")
    path = config(epochs=1)
    train(path, work_dir=tmp_path / "w")
    assert "task" not in read_checkpoint(tmp_path / "w/epoch_1.pth")["meta"]
    engine.test(path, tmp_path / "w", work_dir=tmp_path / "t")


def test_a_broken_clip_in_a_worker_is_one_sentence(config, tmp_path):
    path = config("train_dataloader = dict(dataset=dict(broken=5))", workers=1)
    with pytest.raises(DataError) as caught:
        train(path, work_dir=tmp_path / "w")
    assert str(caught.value) == "clip 5 is broken."


def test_reading_a_config(config, tmp_path):
    path = config()
    assert load_config(path, {"train_cfg.max_epochs": 7, "compile": True}).train_cfg.max_epochs == 7
    with pytest.raises(ConfigError, match=f"no such config; did you mean .*{path.name}"):
        load_config(path.with_name(path.name[1:]))
    with pytest.raises(ConfigError, match="the config has no 'modle'; did you mean model"):
        load_config(path, {"modle.type": "x"})
    with pytest.raises(ConfigError, match="--cfg-options"):
        load_config(path, {"custom_hooks.9.type": "x"})
    for text, expected in (
        ("a = (1,\nb = 2", "line"),
        ("a = 1 / 0", "ZeroDivisionError"),
        ('_base_ = "nowhere.py"', "nowhere.py"),
        ('custom_imports = dict(imports=["no_such_module"])', "no_such_module"),
    ):
        (tmp_path / "bad.py").write_text(text)
        with pytest.raises(ConfigError, match=rf"bad\.py.*{expected}") as caught:
            load_config(tmp_path / "bad.py")
        assert "\n" not in str(caught.value)


def test_where_predictions_cannot_go(config, tmp_path):
    with pytest.raises(ConfigError, match=r"always called predictions\.npz"):
        engine.test(config(), "any.pth", out=tmp_path / "mine.npz")
    with pytest.raises(ConfigError, match="no test_evaluator that writes"):
        engine.test(config("test_evaluator = []"), "any.pth", out=tmp_path)


def test_unknown_names_are_still_unknown_names(config, tmp_path):
    with pytest.raises(UnknownNameError):
        build_runner(config('model = dict(type="Nothing")'), work_dir=tmp_path / "w")
