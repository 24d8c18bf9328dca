"""The demo of the CLIP lesson under a real pointer: controls, captions, pictures, both tabs. Weights are by chance."""

import pytest

pytestmark = pytest.mark.slow

WAIT = 120_000  # milliseconds; two cores that also train make everything slow


@pytest.fixture(scope="module")
def address(tmp_path_factory, served):
    """The demo, served from this process as `mmatl-lab demo` serves it, but for the models."""
    from mmatl_lab.lessons.clip import demo, demo_emoji, demo_scenes, emoji, scenes
    from mmatl_lab.lessons.recipe import Recipe
    from mmatl_lab.models.clip import CLIP
    from mmatl_lab.viz.embedding import pca

    configs = {
        "clip_scenes": scenes.clip_config((8, 8, 8), num_layers=1),
        "clip_emoji": emoji.emoji_config((8, 8, 8), out_dim=16),
    }
    remembered = (demo_scenes.load, demo_scenes.atlas, demo_emoji.lexicon, demo_emoji.drawings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recipe, "load", lambda recipe, name: (CLIP.from_config(configs[name]).eval(), {}))
        patch.setattr(demo_scenes, "umap_embed", lambda latents: pca(latents.numpy()))
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        for function in remembered:
            function.forget()
        page = demo.build()
        yield served(page)
        page.close()
        for function in remembered:
            function.forget()


def test_a_scene_is_drawn_ranked_and_placed(page, console_errors, address):
    page.goto(address)
    ranked = page.locator("#ranked")
    ranked.locator("li").nth(3).wait_for(timeout=WAIT)
    page.locator(".latent-map canvas").first.wait_for(timeout=WAIT)
    before = page.get_by_alt_text("the picture that the captions are compared with").get_attribute("src")

    page.get_by_label("Second shape").click()
    page.get_by_role("option", name="circle").click()
    changed = "([alt, before]) => document.querySelector(`img[alt='${alt}']`)?.src !== before"
    page.wait_for_function(changed, arg=["the picture that the captions are compared with", before], timeout=WAIT)

    captions = page.locator("#captions textarea")
    captions.fill("a large red star above a small blue circle\na blue circle")
    page.get_by_role("button", name="Compare").click()
    ranked.locator("li").nth(2).wait_for(state="detached", timeout=WAIT)
    shares = [float(said.split("%")[0]) for said in ranked.locator("li small").all_inner_texts()]
    assert len(shares) == 2 and shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(100, abs=0.11)

    captions.fill("a large red star\na large red elephant")
    page.get_by_role("button", name="Compare").click()
    ranked.get_by_text("unknown word: 'elephant'").wait_for(timeout=WAIT)
    assert ranked.locator("li").count() == 1
    assert console_errors == []


def test_the_button_under_the_title_compares_the_first_example(page, console_errors, address):
    page.goto(address)
    ranked = page.locator("#ranked")
    ranked.locator("li").nth(3).wait_for(timeout=WAIT)
    assert ranked.get_by_text("pentagram").count() == 0
    page.get_by_role("tab", name="Emoji").click()
    page.get_by_role("button", name="Who is above whom?").click()  # it opens the tab of the example, too
    ranked.get_by_text("a tiny azure disc below a big crimson pentagram").wait_for(timeout=WAIT)
    assert page.get_by_label("Second shape").input_value() == "circle"
    assert console_errors == []


def test_a_click_on_the_map_draws_that_scene(page, console_errors, address):
    page.goto(address)
    canvas = page.locator(".latent-map canvas").first
    canvas.wait_for(timeout=WAIT)
    page.locator("#ranked li").first.wait_for(timeout=WAIT)
    canvas.focus()
    page.keyboard.press("ArrowRight")  # chooses the point nearest to the centre on that side
    said = page.locator(".latent-map .card div:not(.picture)").first.inner_text()
    shape = said.split(" in the ")[0].split()[-1]
    page.wait_for_function(
        "shape => [...document.querySelectorAll('input')].some((input) => input.value === shape)",
        arg=shape,
        timeout=WAIT,
    )
    assert console_errors == []


def test_emoji_are_found_by_words(page, console_errors, address):
    page.goto(address)
    page.get_by_role("tab", name="Emoji").click()
    found = page.locator("#found")
    found.locator("li img").nth(11).wait_for(timeout=WAIT)

    page.locator("#words textarea, #words input").first.fill("elefant")
    page.get_by_role("button", name="Find emoji").click()
    found.get_by_text("did you mean elegant or elephant").wait_for(timeout=WAIT)
    assert console_errors == []


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [("letter.png", "This is not a picture in one of the formats", 0), ("orange.png", "Nearest words:", 12)],
)
def test_words_are_found_by_a_picture(page, console_errors, address, tmp_path, name, answer, words):
    from PIL import Image

    Image.new("RGBA", (50, 90), "orange").save(tmp_path / "orange.png")
    (tmp_path / "letter.png").write_text("Dear Sir or Madam")
    page.goto(address)
    page.get_by_role("tab", name="Emoji").click()
    named = page.locator("#named")
    page.get_by_role("tabpanel").filter(has=named).locator("input[type=file]").set_input_files(tmp_path / name)
    named.get_by_text(answer).wait_for(timeout=WAIT)
    assert named.locator("li").count() == words
    assert console_errors == []
