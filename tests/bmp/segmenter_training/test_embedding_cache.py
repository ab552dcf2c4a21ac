"""Maps of a frozen encoder on disk."""

import numpy as np
import pytest
import torch

from bmp.segmenter_training import FlipPeople, JitterColours, PoseSAM, WarpPeople
from tests.bmp.segmenter_training.two_people import batch, dataset
from tests.bmp.tiny_sam import TINY


def a_model(cache, **options):
    torch.manual_seed(0)
    options = {"trainable": "prompt_and_decoder", "num_corrections": 1, **options}
    model = PoseSAM(TINY, embedding_cache=cache and {"folder": str(cache)}, **options).train()
    model.encoded = []
    model.sam.image_encoder.register_forward_hook(
        lambda module, inputs, outputs: model.encoded.append(len(inputs[0]))
    )
    return model


def losses(model, inputs, samples):
    torch.manual_seed(1)
    return model(inputs, samples, mode="loss")


def test_an_image_is_encoded_once_and_learns_the_same(folder, tmp_path):
    inputs, samples = batch(folder, 1)
    plain, cached = a_model(None), a_model(tmp_path / "cache")
    expected = losses(plain, inputs, samples)
    sum(expected[name] for name in expected if name.startswith("loss")).backward()
    for _ in range(2):
        cached.zero_grad()
        found = losses(cached, inputs, samples)
        assert found == expected
        sum(found[name] for name in found if name.startswith("loss")).backward()
        for (name, p), q in zip(plain.named_parameters(), cached.parameters(), strict=True):
            if p.grad is not None:
                torch.testing.assert_close(p.grad, q.grad, msg=name)
    assert cached.encoded == [1]
    again = a_model(tmp_path / "cache")  # another run
    assert losses(again, inputs, samples) == expected
    assert again.encoded == []


def test_other_images_and_other_weights_are_encoded(folder, tmp_path):
    inputs, samples = batch(folder, 1)
    model = a_model(tmp_path)
    losses(model, inputs, samples)
    losses(model, inputs + 1, samples)
    assert model.encoded == [1, 1]
    state = {name: value + 0.01 for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    losses(model, inputs, samples)
    assert model.encoded == [1, 1, 1]
    losses(model, torch.cat([inputs, inputs + 2]), samples * 2)  # one of two is known
    assert model.encoded == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[: len(content) // 2], id="cut off"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(
            lambda content: content[:1000] + bytes([content[1000] ^ 1]) + content[1001:], id="a bit"
        ),
    ],
)
def test_a_damaged_file_is_made_again_and_reported(folder, tmp_path, damage, capfd):
    from mmengine.logging import MMLogger

    MMLogger.get_instance("cache")
    inputs, samples = batch(folder, 1)
    model = a_model(tmp_path / "cache")
    expected = losses(model, inputs, samples)
    [path] = (tmp_path / "cache").iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert losses(model, inputs, samples) == expected
    assert model.encoded == [1, 1]
    report = capfd.readouterr()
    assert "is damaged" in report.out + report.err
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


def test_a_full_cache_takes_nothing_more(folder, tmp_path):
    inputs, samples = batch(folder, 1)
    model = PoseSAM(
        TINY,
        trainable="prompt_and_decoder",
        embedding_cache={"folder": str(tmp_path / "cache"), "max_gib": 1e-6},
    )
    losses(model, inputs, samples)
    assert list((tmp_path / "cache").iterdir()) == []


def test_start_weights_are_another_encoder(folder, tmp_path):
    inputs, samples = batch(folder, 1)
    model = a_model(tmp_path, neck_gain=0.5)
    losses(model, inputs, samples)
    model.init_weights()
    losses(model, inputs, samples)
    assert model.encoded == [1, 1]


@pytest.mark.parametrize("transform", [WarpPeople(), JitterColours()], ids=["warp", "colours"])
def test_random_images_are_refused(folder, tmp_path, transform):
    np.random.seed(0)
    sample = dataset(folder, transform)[0]
    inputs = sample["inputs"][None].float() / 255
    with pytest.raises(ValueError, match="take WarpPeople and JitterColours out"):
        losses(a_model(tmp_path), inputs, [sample["data_samples"]])
    flipped = dataset(folder, FlipPeople(prob=1.0))[0]
    losses(a_model(tmp_path), inputs, [flipped["data_samples"]])


def test_an_encoder_that_learns_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not learn"):
        PoseSAM(TINY, embedding_cache={"folder": str(tmp_path)})
