"""The page in a real browser: what it shows, computes and writes is what NumPy says, and no text can run in it."""

import numpy as np
import pytest

import lstmzoo
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import probabilities
from lstmzoo.inference.numpy_runner import load
from lstmzoo.inspect import page, survey
from lstmzoo.inspect.glyphs import shown_character
from tests.helpers import browser
from tests.helpers.series_runs import write_run
from tests.helpers.text_runs import write_text_run

pytestmark = pytest.mark.slow
TEXT = "if x:\n    print('no', [1, 2])  # and so on\n" * 40
EVIL = (
    "</script><script>document.title='run'</script><!--\"'&amp;\0\r\x1b😀\u202eabc\u202c שלום e\u0301\u2028\ufeff]]>\n"
    * 3
)
PIXELS = """
const canvas = document.querySelector('#text canvas');
return Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"""


@pytest.fixture(scope="module")
def driver():
    found = browser.start()
    yield found
    found.quit()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_text_run(tmp_path_factory.mktemp("char") / "run", TEXT)


@pytest.fixture(scope="module")
def made(run):
    return lstmzoo.inspect_model(run, TEXT, out=run.parent / "page.html")


@pytest.fixture
def quiet(driver):
    browser.complaints(driver)
    yield
    assert browser.complaints(driver) == []


def logits_of(run, text):
    runner, symbols = load(run), sorted(set(TEXT))
    ids = np.array([[symbols.index(symbol) for symbol in text]])
    return runner(ids, runner.signature.zero_states(1))[0][0]


def test_it_opens_and_another_cell_has_other_colours(driver, made, quiet):
    browser.show(driver, made, "#layer=0&unit=2&show=h")
    first = driver.execute_script(PIXELS)
    driver.execute_script("return choose(1, 3, 'h')")
    assert driver.execute_script(PIXELS) != first
    values = driver.execute_script("return cells.values(1, 3, 'h').then((found) => Array.from(found))")
    pixels = np.array(driver.execute_script(PIXELS)).reshape(-1, driver.execute_script("return reading.columns"), 4)
    for symbol, place in ((0, (0, 0)), (5, (0, 5)), (6, (7, 0))):  # a newline ends a line of seven rows of pixels
        red, _, blue, _ = pixels[place]
        assert (red > blue) == (values[symbol] > 0), symbol


def test_values_are_those_of_the_arrays(driver, made, run, quiet):
    browser.show(driver, made)
    wanted = lstmzoo.activations(run, TEXT)
    for layer, unit in ((0, 4), (1, 6)):
        for quantity in "hcifgo":
            script = "return cells.values(...arguments).then((found) => Array.from(found))"
            found = np.array(driver.execute_script(script, layer, unit, quantity))
            atol = {"h": 0.005}.get(quantity, 0.05)  # the others are computed from h in 8 bits
            np.testing.assert_allclose(found, wanted[f"{quantity}{layer}"][:, unit], atol=atol, err_msg=quantity)


def test_under_the_pointer_are_the_five_symbols_that_numpy_gives(driver, made, run, quiet):
    browser.show(driver, made)
    at = 8
    place = driver.execute_script(
        "const box = reading.window.getBoundingClientRect();"
        f"return [box.left + ({at} - 6 + 0.5) * reading.wide, box.top + 1.5 * HEIGHT]"
    )
    from selenium.webdriver import ActionChains

    actions = ActionChains(driver)
    actions.w3c_actions.pointer_action.move_to_location(*map(round, place))
    actions.perform()
    browser.wait_for(driver, "return !document.getElementById('tip').hidden")
    rows = driver.execute_script(
        "return [...document.querySelectorAll('#tip tr')].map((row) => [...row.cells].slice(0, 2).map((cell) => cell.textContent))"
    )
    shares, symbols = probabilities(logits_of(run, TEXT[: at + 1])[-1:], Choice(1.0))[0], sorted(set(TEXT))
    names = {" ": "space", "\n": "↵ newline"}
    order = np.argsort(-shares)[:5]
    assert [name for name, _ in rows] == [names.get(symbols[k], symbols[k]) for k in order]
    assert [float(share.removesuffix(" %")) for _, share in rows] == pytest.approx(list(100 * shares[order]), abs=0.06)


def test_its_logits_are_numpys(driver, made, run, quiet):
    browser.show(driver, made)
    found = driver.execute_script(
        "const model = new Model(cells.weights);"
        "return idsOf(arguments[0]).map((id) => Array.from(model.read(id, new Float32Array(6 * 16))))",
        TEXT[:200],
    )
    np.testing.assert_allclose(found, logits_of(run, TEXT[:200]), atol=1e-3)


def test_it_writes_what_numpy_writes(driver, made, run, quiet):
    browser.show(driver, made)
    driver.find_element("id", "prompt").send_keys("print")
    driver.execute_script("byId('temperature').value = 0; byId('count').value = 150")
    driver.find_element("id", "write").click()
    browser.wait_for(driver, "return byId('write').textContent === 'Write' && writer.ids.length === 155")
    written = driver.execute_script("return writer.ids.map((id) => symbols.symbols[id]).join('')")
    assert written == lstmzoo.sample_text(run, prompt="print", length=150, temperature=0)
    shown = driver.execute_script(
        "return [...document.querySelectorAll('#written .lines div')].map((line) => line.textContent).join('')"
    )
    assert written.replace("\n", "↵").endswith(shown) and len(shown) > 50
    assert driver.execute_script("return writer.view.values.every(Number.isFinite)")


def test_a_prompt_that_it_cannot_spell_is_refused(driver, made, quiet):
    browser.show(driver, made)
    driver.find_element("id", "prompt").send_keys("Zorn")
    driver.find_element("id", "write").click()
    assert 'does not know "Z"' in browser.wait_for(driver, "return byId('said').textContent")


def test_arrows_change_the_cell_and_the_address_remembers_it(driver, made, quiet):
    from selenium.webdriver.common.keys import Keys

    browser.show(driver, made, "#layer=0&unit=8&show=f&at=100")
    assert driver.execute_script("return reading.firstSymbol()") == TEXT[:100].rindex("\n") + 1
    driver.find_element("tag name", "body").send_keys(Keys.ARROW_RIGHT)
    assert driver.execute_script("return [shown.layer, shown.unit, shown.quantity]") == [1, 0, "f"]
    script = "return location.hash.includes('layer=1&unit=0&show=f') && location.hash"
    address = browser.wait_for(driver, script)
    browser.show(driver, made, address)
    assert driver.execute_script("return [shown.layer, shown.unit, shown.quantity, byId('unit').value]") == [
        1,
        0,
        "f",
        "0",
    ]


def test_another_address_in_the_same_page_is_followed_and_a_wrong_one_does_no_harm(driver, made, quiet):
    browser.show(driver, made)
    driver.execute_script("location.hash = '#layer=1&unit=2&show=o&at=100&from=10&to=21'")
    script = "return shown.quantity === 'o' && document.querySelector('#stretch li') !== null"
    browser.wait_for(driver, script)
    found = "return [shown.layer, shown.unit, reading.firstSymbol(), ...reading.stretch]"
    assert driver.execute_script(found) == [1, 2, TEXT[:100].rindex("\n") + 1, 10, 21]
    driver.execute_script("location.hash = '#layer=99&unit=x&show=constructor'")
    browser.wait_for(driver, "return shown.layer === header.layers.length - 1")
    assert driver.execute_script("return shown.quantity") == "o"


def test_a_stretch_names_the_cells_that_are_high_there(driver, made, run, quiet):
    browser.show(driver, made)
    driver.execute_script(
        "const line = document.querySelectorAll('#text .lines div')[1], [node] = line.childNodes;"
        "getSelection().setBaseAndExtent(node, 4, node, 15)"
    )
    browser.wait_for(driver, "return shown.to > 0 && document.querySelector('#stretch li') !== null")
    assert driver.execute_script("return [shown.from, shown.to]") == [10, 21]
    wanted = lstmzoo.activations(run, TEXT)
    h = np.concatenate([wanted["h0"], wanted["h1"]], 1)
    inside = np.zeros(len(TEXT), bool)
    inside[10:21] = True
    above = (h[inside].mean(0) - h[~inside].mean(0)) / h.std(0)
    rows = driver.execute_script(
        "return [...document.querySelectorAll('#stretch button')].map((each) => [each.dataset.layer, each.dataset.unit, each.lastChild.textContent])"
    )
    order = np.argsort(-above)
    assert [(9 if layer == "1" else 0) + int(unit) for layer, unit, _ in rows[:3]] == list(order[:3])
    assert [float(each.replace("−", "-")) for _, _, each in rows[:3]] == pytest.approx(list(above[order[:3]]), abs=0.03)


def test_a_mouse_selects_what_is_longer_than_the_view_and_a_click_ends_it(driver, made, quiet):
    browser.show(driver, made)
    mouse = "(kind, x, y) => byId('text').dispatchEvent(new PointerEvent(kind, {clientX: x, clientY: y, pointerType: 'mouse', bubbles: true}))"
    found = driver.execute_script(
        f"const send = {mouse}, box = byId('text').getBoundingClientRect(), left = reading.window.getBoundingClientRect().left;"
        "send('pointerdown', left + 4.2 * reading.wide, box.top + 5);"
        "byId('text').scrollTop = 30 * 21; reading.render();"
        "send('pointermove', left, box.bottom + 50);"
        "send('pointerup', left, box.bottom + 50);"
        "return [...reading.stretch, shown.from, shown.to, reading.starts.includes(shown.to)]"
    )
    assert found == [4, found[1], 4, found[1], True] and found[1] > 600
    browser.wait_for(driver, "return document.querySelector('#stretch li') !== null")
    driver.execute_script("location.hash = '#layer=0&unit=1&show=h&feature=0'")  # one without a stretch
    browser.wait_for(driver, "return shown.to === 0 && document.querySelector('#stretch li') === null")
    driver.execute_script(f"location.hash = '#from=0&to={len(TEXT)}'")
    browser.wait_for(driver, "return byId('selected').textContent.startsWith('All of the text is selected')")
    driver.execute_script(
        f"const send = {mouse}, box = byId('text').getBoundingClientRect();"
        "for (const kind of ['pointerdown', 'pointerup']) send(kind, box.left + 50, box.top + 30)"
    )
    browser.wait_for(driver, "return shown.to === 0 && byId('selected').textContent.startsWith('Select a stretch')")


def test_a_text_cannot_run(driver, tmp_path, quiet):
    run = write_text_run(tmp_path / "<img src=x onerror=alert(1)>&amp;", EVIL)
    made = lstmzoo.inspect_model(run, EVIL, out=tmp_path / "evil.html")
    browser.show(driver, made)
    assert driver.title.endswith("<img src=x onerror=alert(1)>&amp;: what each cell does")
    assert driver.execute_script("return document.images.length + document.querySelectorAll('main script').length") == 0
    shown = driver.execute_script(
        "return [...document.querySelectorAll('#text .lines div')].map((line) => line.textContent).join('')"
    )
    glyphs = [shown_character(symbol)[0] for symbol in EVIL]
    assert shown == "".join(glyphs)
    assert "</script><script>document.title='run'</script>" in shown and "😀" in shown and "␀" in shown
    wide = driver.execute_script("return [...document.querySelectorAll('#text .odd')].map((each) => each.offsetWidth)")
    assert max(wide) - min(wide) <= 1  # each has a column of its own, so colours stand where symbols do
    cut = "return [...document.querySelectorAll('#text .odd')].filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.textContent)"
    assert driver.execute_script(cut) == []


def test_without_weights_the_named_cells_have_their_gates(driver, run, tmp_path, monkeypatch, quiet):
    monkeypatch.setattr(page, "WEIGHTS", 100)
    monkeypatch.setattr(survey, "NAMED", 5)
    browser.show(driver, lstmzoo.inspect_model(run, TEXT, out=tmp_path / "page.html"))
    assert driver.execute_script("return byId('writing').hidden")
    (layer, unit), wanted = driver.execute_script("return header.named[2]"), lstmzoo.activations(run, TEXT)
    for quantity in "cfo":
        script = "return cells.values(...arguments).then((found) => Array.from(found))"
        found = driver.execute_script(script, layer, unit, quantity)
        np.testing.assert_allclose(found, wanted[f"{quantity}{layer}"][:, unit], atol=0.03)
    other = next([0, k] for k in range(9) if [0, k] not in driver.execute_script("return header.named"))
    driver.execute_script("return choose(...arguments, 'c')", *other)
    assert driver.execute_script("return shown.quantity") == "h"


@pytest.mark.parametrize("kind", ["echo", "series"])
def test_numbers_are_drawn_as_lines(driver, tmp_path, kind, quiet):
    if kind == "echo":
        run, text = "zoo:echo_4", None
    else:
        run, text = write_run(tmp_path / "run", ["a", "b"]), tmp_path / "table.csv"
        rows = np.random.default_rng(0).normal(5, 3, (60, 2))
        text.write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in rows))
    browser.show(driver, lstmzoo.inspect_model(run, text, out=tmp_path / "page.html", length=60))
    drawn = "const c = document.querySelector('#traces canvas'); return [...new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)].filter((p) => p && p !== 0xffffffff).length"
    assert driver.execute_script(drawn) > 5000
    driver.execute_script(
        "const box = byId('traces').getBoundingClientRect();"
        "byId('traces').dispatchEvent(new MouseEvent('click', {clientX: box.left + 400, clientY: box.top + traces.top(2) + 10, bubbles: true}))"
    )
    assert driver.execute_script("return shown.unit") == 2


def test_many_inputs_are_scrolled_with_the_cells(driver, tmp_path, quiet):
    names = [f"s{k}" for k in range(20)]
    run, path = write_run(tmp_path / "run", names, ["s0"]), tmp_path / "table.csv"
    rows = np.random.default_rng(0).normal(5, 3, (60, 20))
    path.write_text(",".join(names) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    browser.show(driver, lstmzoo.inspect_model(run, path, out=tmp_path / "page.html"))
    driver.execute_script("choose(1, 4, 'h')")  # the last one
    seen = "return traces.top(traces.rows.length) - byId('traces').scrollTop <= byId('traces').clientHeight + 9 && traces.risen > 300"
    browser.wait_for(driver, seen)
    assert driver.execute_script(
        "const box = byId('traces').getBoundingClientRect(); return traces.rowAt({clientY: box.top + traces.top(10) - traces.risen + 5})"
    ) == 10  # fmt: skip


def test_a_telephone_shows_it_in_its_width(driver, made, quiet):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.show(driver, made)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
    assert driver.execute_script("return reading.columns") > 30
    place = driver.execute_script(
        "const box = byId('text').getBoundingClientRect(); return [box.left + 30, box.top + 30]"
    )
    finger = [{"x": place[0], "y": place[1]}]
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": finger})
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    browser.wait_for(driver, "return !byId('tip').hidden && byId('tip').textContent.includes('expects next')")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_dark_is_dark(driver, made, quiet):
    colours = [{"name": "prefers-color-scheme", "value": "dark"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": colours})
    browser.show(driver, made)
    assert driver.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 29)"
    assert max(np.array(driver.execute_script(PIXELS)).reshape(-1, 4)[:, 2]) < 200
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
