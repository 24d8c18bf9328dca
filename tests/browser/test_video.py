"""Moving pictures with sound, as Chromium's own decoders see and hear them."""

import pytest
import torch

from mmatl_lab.viz.audio import player
from mmatl_lab.viz.video import Video
from mmatl_lab.world import audio, scene_of, video

pytestmark = pytest.mark.slow

FRAMES, SIZE, RATE = 16, 64, 8000
WATCH = """async times => {
    const video = document.querySelector("video"), canvas = document.createElement("canvas");
    if (video.readyState < 2) await new Promise(done => video.onloadeddata = done);
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext("2d"), frames = [];
    for (const time of times) {
        const seeked = new Promise(done => video.onseeked = done);
        // a busy machine paints the new frame some time after it was found
        const painted = new Promise(done => video.requestVideoFrameCallback(done));
        video.currentTime = time;
        await seeked;
        await Promise.race([painted, new Promise(done => setTimeout(done, 2000))]);
        context.drawImage(video, 0, 0);
        frames.push(Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data));
    }
    return {duration: video.duration, frames};
}"""
HEAR = """async ([selector, rate]) => {
    const bytes = await (await fetch(document.querySelector(selector).src)).arrayBuffer();
    const sound = await new OfflineAudioContext(1, rate, rate).decodeAudioData(bytes);
    return Array.from(sound.getChannelData(0));
}"""


@pytest.fixture(scope="module")
def scene():
    star = {"shape": "star", "colour": "yellow", "size": "small", "motion": "bounce", "x": -0.5, "y": 0.4}
    return scene_of(star, {"shape": "ring", "colour": "blue", "motion": "left", "x": 0.5, "y": -0.5})


def html(output):
    return output._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("seconds", [1, 3])
def test_every_frame_is_seen_at_its_time(page, scene, seconds):
    frames = video(scene, SIZE, FRAMES)[0]
    waveform = audio(scene)[0].repeat(seconds)
    page.set_content(html(Video(frames, waveform, alt="a star and a ring")))
    times = [(i + 0.5) * seconds / FRAMES for i in range(FRAMES)]
    order = [*range(0, FRAMES, 2), *range(FRAMES - 1, 0, -2)]  # jumps, back and forth
    seen = page.evaluate(WATCH, [times[i] for i in order])
    assert seen["duration"] == pytest.approx(seconds, abs=0.01)
    shown = torch.tensor(seen["frames"]).view(FRAMES, SIZE, SIZE, 4)[..., :3].permute(0, 3, 1, 2) / 255
    error = (shown[:, None] - frames[None]).abs().mean((2, 3, 4))  # (shown, made)
    assert error.argmin(1).tolist() == order
    assert error.min(1).values.max() < 0.02


def test_the_sound_is_heard_where_it_belongs(page, scene):
    frames, waveform = video(scene, SIZE, FRAMES)[0], audio(scene)[0]
    page.set_content(html(Video(frames, waveform, alt="a star and a ring")))
    heard = torch.tensor(page.evaluate(HEAR, ["video", RATE]))[:RATE]
    made = waveform / waveform.abs().max()
    shifted = {lag: heard.roll(-lag) for lag in range(-40, 41)}
    lag = max(shifted, key=lambda lag: float((shifted[lag] * made).sum()))
    assert abs(lag) <= RATE / 1000  # a millisecond
    assert (shifted[lag] - made).square().mean() < 0.01 * made.square().mean()


def test_a_sound_without_pictures_is_heard_as_it_is(page, scene):
    waveform = audio(scene)[0]
    page.set_content(player(waveform))
    heard = torch.tensor(page.evaluate(HEAR, ["audio", RATE]))
    assert heard.shape == waveform.shape and (heard - waveform).abs().max() < 1e-4


def test_pictures_without_a_sound_play_for_a_second(page, scene):
    page.set_content(html(Video(video(scene, SIZE, FRAMES)[0], alt="a star and a ring")))
    assert page.evaluate(WATCH, [0.1])["duration"] == pytest.approx(1)
