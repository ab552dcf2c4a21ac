"""Weights for SAMs of transformers that were just made."""

import torch


def with_random_weights(model, scale):
    """The model; as it starts, half of its weights are zero or one and would not show."""
    # one matrix in published files; of a model that was just made the copies differ
    copy = model.prompt_encoder.shared_embedding.positional_embedding
    copy.data.copy_(model.shared_image_embedding.positional_embedding)
    for name, value in model.named_parameters():
        if "layer_norm" not in name:
            value.data += scale * torch.randn_like(value)
    return model
