"""Configs: what a card holds gives the same config back, and another model's config is refused in one sentence."""

import json
from dataclasses import dataclass, field

import pytest

from mmatl_lab.config import from_dict, to_dict


@dataclass(frozen=True)
class Part:
    name: str
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    image: Part
    channels: tuple[int, ...] = (1, 2)
    parts: tuple[Part, ...] = ()
    by_name: dict[str, Part] = field(default_factory=dict)
    rate: float | None = None
    inner: Part | None = None


def test_a_config_survives_json():
    image = Part("ImageCNN", {"channels": (8, 16), "size": 32})
    config = Config(image, (3,), (image, Part("x")), {"a": image}, 0.5, image)
    assert from_dict(Config, json.loads(json.dumps(to_dict(config)))) == config
    assert from_dict(Config, json.loads(json.dumps(to_dict(Config(image))))) == Config(image)


def test_the_config_of_another_model_is_refused():
    with pytest.raises(ValueError, match="no field 'chanels'.*did you mean 'channels'"):
        from_dict(Config, {"image": {"name": "x"}, "chanels": [1]})
    with pytest.raises(ValueError, match="lacks image"):
        from_dict(Config, {"channels": [1]})
    with pytest.raises(ValueError, match="is a dictionary, got list"):
        from_dict(Config, [1])


def test_only_plain_values_are_written():
    with pytest.raises(TypeError, match="instance of a dataclass"):
        to_dict({"a": 1})
    with pytest.raises(TypeError, match="'rate' holds a object"):
        to_dict(Config(Part("x"), rate=object()))
