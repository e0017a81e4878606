"""The web page in a real browser, against a real server."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isotrope.io.resize import turn
from isotrope.ocr.document_json import page_from_json, page_to_json

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytest.importorskip("fastapi", reason="needs the extra `serve`")
from playwright.sync_api import expect  # noqa: E402

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples/pages/weather-garden.png"
PAGE = ROOT / "src/isotrope/serve/page"
TEXT = ["Visitors walk around the boards to", "read them. The keeper smiles at"]
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
PATIENCE = 40_000  # milliseconds, for a machine that does other things too

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH")


@pytest.fixture(scope="module")
def server():
    command = [sys.executable, "-m", "isotrope", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if found := re.search(r"http://\S+", line):
                break
        # Its log is taken from the pipe, which it would else fill, and then wait.
        taking = threading.Thread(target=process.stderr.read)
        taking.start()
        try:
            yield found[0]
        finally:
            process.terminate()
            process.wait(timeout=30)
            taking.join()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=BROWSER, args=QUIET)
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server):
    """The page, freshly opened; nothing is loaded from elsewhere, and nothing goes wrong in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    problems, addresses = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(server)
    yield page
    context.close()
    refused = "Failed to load resource"  # an answer that is no success, which the page shows
    assert [problem for problem in problems if refused not in problem] == []
    assert [url for url in addresses if not url.startswith((f"{server}/", "blob:", "data:"))] == []


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Small pages: two lines upright as PNG, JPEG and PDF, and a file that is no image."""
    folder = tmp_path_factory.mktemp("files")
    lines = Image.open(SAMPLE).convert("RGB").crop((600, 230, 1060, 310))
    lines.save(folder / "lines.png")
    lines.save(folder / "photo.jpg", quality=90)
    lying = lines.rotate(90, expand=True)
    lines.save(folder / "two.pdf", save_all=True, append_images=[lying], resolution=150)
    Image.open(SAMPLE).convert("RGB").crop((100, 230, 590, 310)).save(folder / "other.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    (folder / "notes.md").write_text("no image")
    return folder


def texts(page):
    return page.locator("#lines .words").all_inner_texts()


def choose(page, *paths):
    page.set_input_files("#choose-files", list(paths))
    expect(page.locator("#lines button").first).to_be_visible()


def listen(page):
    """Keep what the header says from now on; it shows each message for some seconds only."""
    page.evaluate(
        """() => {
             const status = document.getElementById("status");
             const keep = () => (status.dataset.said = [status.dataset.said, status.textContent]);
             new MutationObserver(keep).observe(status, { childList: true });
           }"""
    )


def heard(page, message):
    """Wait until the header says something, or has said it."""
    said = re.compile(re.escape(message))
    expect(page.locator("#status")).to_have_attribute("data-said", said)


def drag_to(page, degrees):
    """Move the slider as a mouse does, in steps of which the last counts."""
    move = "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input')); }"
    for step in (degrees // 2, degrees):
        page.locator("#turn").evaluate(move, step)


def same_text(page, lines=2):
    expect(page.locator("#verdict")).to_have_text(
        f"Same text as at 0°: yes ({lines} of {lines} lines equal)"
    )


def test_a_dropped_image_is_read(page, files):
    content = base64.b64encode((files / "lines.png").read_bytes()).decode()
    dropped = page.evaluate_handle(
        """content => {
             const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
             const drop = new DataTransfer();
             drop.items.add(new File([bytes], "lines.png", { type: "image/png" }));
             return drop;
           }""",
        content,
    )
    page.dispatch_event("#welcome", "drop", {"dataTransfer": dropped})
    expect(page.locator("#lines button")).to_have_count(2)
    assert texts(page) == TEXT
    expect(page.locator("#files .state")).to_have_text("2 lines")


def test_a_pasted_image_is_read(page, files):
    content = base64.b64encode((files / "lines.png").read_bytes()).decode()
    page.evaluate(
        """content => {
             const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
             const clipboardData = new DataTransfer();
             clipboardData.items.add(new File([bytes], "lines.png", { type: "image/png" }));
             window.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
           }""",
        content,
    )
    expect(page.locator("#lines button")).to_have_count(2)


def test_a_folder_is_read_without_what_is_no_image(page, files):
    listen(page)
    page.set_input_files("#choose-folder", str(files))
    heard(page, "1 file skipped: neither an image nor a PDF")
    expect(page.locator("#files .name")).to_have_text(
        ["broken.pdf", "broken.png", "lines.png", "other.png", "photo.jpg", "two.pdf"]
    )


def test_the_text_stays_when_the_picture_is_turned(page, files):
    choose(page, files / "lines.png")
    for degrees in (90, 180, -90):
        drag_to(page, degrees)
        same_text(page)
        assert texts(page) == TEXT
        page.locator("#lines button").first.hover()
        lies = re.search(r"lies at ([-\d.]+)°", page.inner_text("#line-facts"))
        assert abs((float(lies[1]) - degrees + 180) % 360 - 180) < 1


def test_quarter_turns_by_buttons_move_the_four_scores(page, files):
    choose(page, files / "lines.png")
    most = page.locator("#scores .most .turn")
    expect(most).to_have_text("0°")
    for button, degrees in (("left", 90), ("left", 180), ("left", 270), ("right", 180)):
        page.click(f"#turn-{button}")
        same_text(page)
        expect(most).to_have_text(f"{degrees}°")
        assert texts(page) == TEXT
    page.click("#turn-back")
    expect(page.locator("#turn-value")).to_have_text("0°")
    expect(most).to_have_text("0°")


def test_a_picture_that_is_no_png_is_compared_with_its_own_pixels(page, files):
    choose(page, files / "photo.jpg")
    drag_to(page, 90)
    same_text(page)


def test_at_other_angles_the_lines_that_differ_are_counted_and_marked(page, files):
    choose(page, files / "lines.png")
    drag_to(page, 12)
    expect(page.locator("#verdict")).to_contain_text(re.compile(r"\(\d of \d lines? equal"))
    equal, total = re.search(r"(\d) of (\d)", page.inner_text("#verdict")).groups()
    differing = page.locator("#lines .changed").count()
    assert differing == len(texts(page)) - int(equal)
    assert int(total) >= int(equal) >= 1


def test_a_line_shows_its_text_and_a_text_shows_its_line(page, files):
    choose(page, files / "two.pdf")
    page.click("[aria-label='Page 2 of two.pdf']")  # its lines run upwards
    expect(page.locator("#sheet-name")).to_have_text("two.pdf, page 2")
    expect(page.locator("#stage")).not_to_contain_class("busy")  # its lines are drawn
    page.hover("[data-line='1'] .outline", force=True)
    tip = page.locator(".tip")
    expect(tip).to_contain_text(TEXT[1])
    expect(tip).to_contain_text("%")
    expect(page.locator("#lines button.active .words")).to_have_text(TEXT[1])
    page.hover("#lines [data-line='0']")
    expect(page.locator("#stage .line.active")).to_have_attribute("data-line", "0")
    expect(page.locator("#line-text")).to_have_text(TEXT[0])
    expect(page.locator("#line-facts")).to_have_text(re.compile(r"\d+ % sure · lies at (89|90)"))
    width, height = page.locator("#cut").evaluate("cut => [cut.width, cut.height]")
    assert width > 5 * height  # cut out of a line that runs upwards, and turned upright
    words = page.locator("#line-words li").all_inner_texts()
    assert [word.split()[0] for word in words] == TEXT[0].split()
    assert all(word.endswith("%") for word in words)


def test_a_larger_picture_scrolls_to_the_line_of_a_text(page, files):
    choose(page, files / "lines.png")
    for _ in range(5):
        page.click("#zoom-in")
    expect(page.locator("#zoom-in")).to_be_disabled()
    within = """line => {
      const [own, all] = [line, document.querySelector(".scroller")].map((e) =>
        e.getBoundingClientRect());
      return own.top >= all.top && own.bottom <= all.bottom && own.right > all.left;
    }"""
    for index in (0, 1):
        page.hover(f"#lines [data-line='{index}']")
        assert page.locator(f"#stage [data-line='{index}']").evaluate(within)
    page.click("#turn-left")
    same_text(page)
    for _ in range(5):
        page.click("#zoom-out")
    expect(page.locator("#zoom-out")).to_be_disabled()
    assert page.locator(".scroller").evaluate(
        "box => box.scrollWidth === box.clientWidth && box.scrollHeight === box.clientHeight"
    )


def test_pages_of_a_pdf_have_pictures_and_turn(page, files):
    choose(page, files / "two.pdf")
    expect(page.locator("#files .state")).to_have_text("2 pages, 4 lines")
    page.click("[aria-label='Page 2 of two.pdf']")
    expect(page.locator("#scores .most .turn")).to_have_text("90°")
    dark = page.locator(".picture").evaluate(
        """picture => {
             const all = picture.getContext("2d").getImageData(0, 0, picture.width, picture.height);
             return all.data.filter((value, at) => at % 4 === 0 && value < 100).length;
           }"""
    )
    assert dark > 500  # its letters
    page.click("#turn-right")
    same_text(page)


def test_files_are_read_one_after_the_other_and_errors_stand_in_place(page, files):
    names = ("lines.png", "broken.png", "broken.pdf", "two.pdf")
    choose(page, *(files / name for name in names))
    states = page.locator("#files .state")
    expect(states).to_have_text(["2 lines", "not read", "not read", "2 pages, 4 lines"])
    for place, problem in ((1, "no image"), (2, "PDF")):
        error = page.locator("#files > li").nth(place).locator("p.error")
        expect(error).to_contain_text(problem)
    expect(page.locator("#files-count")).to_have_text("4 files")
    page.click("[aria-label='Remove broken.png']")
    expect(states).to_have_text(["2 lines", "not read", "2 pages, 4 lines"])


def test_a_file_that_is_too_large_is_not_sent(page, files):
    def answer(route):
        options = route.fetch().json()
        route.fulfill(json=options | {"limits": options["limits"] | {"bytes": 1000}})

    page.route("**/v1/options", answer)
    page.reload()
    expect(page.locator("#engine option").first).to_be_attached()
    page.route("**/v1/read", lambda route: pytest.fail("it was sent"))
    page.set_input_files("#choose-files", files / "photo.jpg")
    expect(page.locator("#files p.error")).to_contain_text("this server takes at most 0.0 MiB")


def hold(page):
    """The requests to read from now on, none of which is sent on."""
    held = []
    page.route("**/v1/read", lambda route: held.append(route))
    return held


def test_a_picture_is_shown_before_it_is_read_and_gone_when_removed(page, files):
    held = hold(page)
    page.set_input_files("#choose-files", files / "lines.png")
    expect(page.locator(".picture")).to_be_visible()
    expect(page.locator("#verdict")).to_have_text("Reading …")
    expect(page.locator("#lines button")).to_have_count(0)
    expect(page.locator("#files .state")).to_have_text("reading …")
    while not held:  # the page shows that it reads before the browser has sent the request
        page.wait_for_timeout(20)
    held.pop().continue_()
    expect(page.locator("#lines button")).to_have_count(2)
    page.click("[aria-label='Remove lines.png']")
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#open-files")).to_be_focused()
    expect(page.locator(".picture")).to_have_count(0)


def test_rows_of_files_that_did_not_change_stay_in_place(page, files):
    choose(page, files / "lines.png", files / "photo.jpg", files / "other.png")
    expect(page.locator("#files .state")).to_have_text(["2 lines"] * 3)
    rows, names = page.locator("#files > li"), page.locator("#files .file")
    names.nth(0).click()  # until then the open one is the one that was read first
    expect(names.nth(0)).to_have_attribute("aria-current", "true")
    rows.evaluate_all("rows => rows.forEach((row) => (row.stayed = true))")
    names.nth(1).click()
    expect(names.nth(1)).to_have_attribute("aria-current", "true")
    stayed = rows.evaluate_all("rows => rows.map((row) => row.stayed === true)")
    assert stayed == [False, False, True]  # the first is no longer the open one


def test_a_file_that_is_removed_while_it_is_read_leaves_nothing_busy(page, files):
    choose(page, files / "lines.png")
    hold(page)
    drag_to(page, 90)
    expect(page.locator("#stage")).to_contain_class("busy")
    page.click("[aria-label='Remove lines.png']")
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#stage")).not_to_contain_class("busy")


def test_a_file_that_is_chosen_twice_at_once_has_its_own_text_beside_its_four_turns(page, files):
    choose(page, files / "lines.png", files / "other.png")
    expect(page.locator("#files .state")).to_have_text(["2 lines", "2 lines"])
    page.click("label:has(#view-four)")
    expect(page.locator("#four-verdict")).to_contain_text("are equal")
    page.locator("#files .file").nth(1).evaluate("file => { file.click(); file.click(); }")
    expect(page.locator("#lines .words").first).to_have_text("The garden lies on a hill above the")
    expect(page.locator("#four-verdict")).to_contain_text("are equal")


def test_four_turns_are_the_same_document(page, files):
    choose(page, files / "lines.png")
    page.click("label:has(#view-four)")
    expect(page.locator("#four-verdict")).to_have_text(
        "The four documents are equal: 2 lines, the same texts in the same order, "
        "each outline turned exactly."
    )
    expect(page.locator("#four figcaption")).to_have_text(
        [f"{degrees}° 2 lines" for degrees in (0, 90, 180, 270)]
    )
    expect(page.locator("#four .line")).to_have_count(8)
    page.set_input_files("#choose-files", files / "other.png")
    expect(page.locator("#files .state")).to_have_text(["2 lines", "2 lines"])
    page.click("#files .file >> nth=1")
    expect(page.locator("#lines .words").first).to_have_text("The garden lies on a hill above the")
    expect(page.locator("#four-verdict")).to_contain_text("are equal")
    page.click("#files .file >> nth=0")
    expect(page.locator("#lines .words").first).to_have_text(TEXT[0])
    page.click("[aria-label='Show the page at 270°']")
    expect(page.locator("#turn-value")).to_have_text("-90°")
    same_text(page)


def test_every_format_is_downloaded(page, files):
    choose(page, files / "lines.png")
    expect(page.locator("[data-format=json]")).to_be_visible()  # the last of those offered
    found = {}
    for button in page.locator("#downloads button").all():
        with page.expect_download() as download:
            button.click()
        assert download.value.suggested_filename.startswith("lines.")
        found[button.get_attribute("data-format")] = Path(download.value.path()).read_bytes()
    assert {"text", "md", "tsv", "jsonl", "hocr", "alto", "page", "json"} <= set(found)
    assert found["text"].decode().split("\n")[:2] == TEXT
    assert found.get("pdf", b"%PDF-").startswith(b"%PDF-")
    assert [json.loads(line)["width"] for line in found["jsonl"].splitlines()] == [460]
    assert json.loads(found["json"])["files"][0]["name"] == "lines.png"
    assert b"<TextLine" in found["alto"]
    assert b"<TextLine" in found["page"]
    assert b"ocr_line" in found["hocr"]


def test_a_turned_page_is_downloaded_as_it_lies(page, files):
    choose(page, files / "lines.png")
    page.click("#turn-left")
    same_text(page)
    with page.expect_download() as download:
        page.click("[data-format=jsonl]")
    (line,) = Path(download.value.path()).read_text().splitlines()
    assert (json.loads(line)["orientation"], json.loads(line)["width"]) == (90, 80)


def test_everything_is_reached_by_keyboard(page, files):
    choose(page, files / "lines.png")
    page.focus("#turn")
    page.keyboard.press("End")  # 180 degrees
    same_text(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#turn-value")).to_have_text("179°")
    page.keyboard.press("ArrowRight")
    same_text(page)
    seen = []
    page.focus("#add")
    for _ in range(40):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.id || document.activeElement.dataset.line")
        seen.append(name)
        if name == "1":  # the last line, in the list
            break
    assert seen == [
        *["add-folder", "engine", "adapter", "detector", "pages", "least", "view-one"],
        *["0", "zoom-in", "turn-left", "turn", "turn-right", "turn-back", "copy", "0", "1"],
    ]
    expect(page.locator("#stage .line.active")).to_have_attribute("data-line", "1")
    page.focus("#stage [data-line='1']")
    page.keyboard.press("Home")
    expect(page.locator(".tip")).to_contain_text(TEXT[0])
    expect(page.locator("#stage [data-line='0']")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#stage .line.active")).to_have_count(0)


def test_lines_of_low_confidence_are_dimmed_and_not_copied(page, files):
    choose(page, files / "lines.png")
    page.evaluate(
        """() => {
             window.copied = [];
             navigator.clipboard.writeText = async (text) => copied.push(text);
           }"""
    )
    listen(page)
    page.click("#copy")
    heard(page, "Text copied")
    page.locator("#least").fill("100")
    expect(page.locator("#lines button.dim")).to_have_count(2)
    expect(page.locator("#stage .line.dim")).to_have_count(2)
    page.click("#copy")
    assert page.evaluate("copied") == ["\n".join(TEXT), ""]


def test_words_and_lines_are_read_without_looking_for_lines(page, files, tmp_path):
    line = Image.open(files / "lines.png").crop((0, 0, 460, 44)).rotate(90, expand=True)
    line.save(tmp_path / "up.png")
    choose(page, tmp_path / "up.png")
    page.click("label:has(#crops)")
    expect(page.locator("#lines button")).to_have_count(1)
    expect(page.locator("#lines .words")).to_have_text(TEXT[0])
    page.locator("#lines button").hover()
    width, height = page.locator("#cut").evaluate("cut => [cut.width, cut.height]")
    assert width > 5 * height
    names = page.locator("#downloads button").evaluate_all("all => all.map(b => b.dataset.format)")
    assert "alto" not in names
    assert {"text", "tsv", "json", "jsonl"} <= set(names)


def test_another_adapter_reads_anew(page, files):
    page.evaluate(
        """() => {
             const real = window.fetch;
             window.sent = [];
             window.fetch = (path, request) => {
               sent.push(request.body.get("adapter"));
               return real(path, request);
             };
           }"""
    )
    expect(page.locator("#adapter")).to_have_value("none")  # the server has said what there is
    choose(page, files / "lines.png")
    with page.expect_response("**/v1/read"):
        page.select_option("#adapter", "fraktur")
    expect(page.locator("#files .state")).to_have_text("2 lines, fraktur")
    assert page.evaluate("sent") == ["none", "fraktur"]


def test_a_busy_server_is_asked_again(page, files):
    answers = [{"status": 503, "headers": {"Retry-After": "1"}, "body": "{}"}]

    def answer(route):
        route.fulfill(**answers.pop()) if answers else route.continue_()

    page.route("**/v1/read", answer)
    listen(page)
    page.set_input_files("#choose-files", files / "lines.png")
    heard(page, "The server is busy; trying again in 1 s …")
    expect(page.locator("#lines button")).to_have_count(2)


def test_a_token_is_asked_for_and_sent(page, files):
    def answer(route):
        sent = route.request.headers.get("authorization")
        route.continue_() if sent == "Bearer right" else route.fulfill(status=401, body="{}")

    page.route("**/v1/**", answer)
    page.reload()
    expect(page.locator("#token")).to_be_visible()
    page.fill("#token-value", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#token-wrong")).to_be_visible()
    page.fill("#token-value", "right")
    page.keyboard.press("Enter")
    expect(page.locator("#engine option").first).to_be_attached()
    choose(page, files / "lines.png")
    assert texts(page) == TEXT


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_narrow_window(browser, server, files, scheme):
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(server)
    choose(page, files / "lines.png")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    context.close()


def test_quarter_turns_move_pixels_and_points_as_the_library_does(page, files):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    script = """async ([png, degrees, page]) => {
        const { decoded, turned, turnedPage } = await import("/static/turn.js");
        const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
        const canvas = turned(await decoded(new Blob([bytes], { type: "image/png" })), degrees);
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return [canvas.width, canvas.height, [...data], turnedPage(page, degrees)];
    }"""
    with page.expect_response("**/v1/read") as response:
        choose(page, files / "lines.png")
    read = response.value.json()["files"][0]["pages"][0]
    scores = read.pop("scores")
    assert sum(scores.values()) == pytest.approx(1, abs=1e-4)
    for degrees in (0, 90, 180, 270, -90):
        given = [base64.b64encode(png.getvalue()).decode(), degrees, read]
        width, height, data, moved = page.evaluate(script, given)
        shown = np.array(data, np.uint8).reshape(height, width, 4)[..., :3]
        assert np.array_equal(shown, turn(pixels, degrees))
        assert moved == json.loads(json.dumps(page_to_json(page_from_json(read).turned(degrees))))


def test_the_example_is_the_sample_page(page):
    assert (PAGE / "example.png").read_bytes() == SAMPLE.read_bytes()
    with page.expect_request("**/v1/read"):
        page.click("#example")
    expect(page.locator("#files .name")).to_have_text("example.png")
