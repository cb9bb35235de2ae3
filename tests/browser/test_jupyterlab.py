"""A real JupyterLab in Chromium: what a reader can touch works there, trusted with and without a kernel, and says so untrusted."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytest.importorskip("jupyterlab", reason="this test needs JupyterLab: pip install -r requirements.txt")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# As a chapter: an explorer, a question, an exercise with a mistake, one that never ends, a bench.
CELLS = [
    """\
import cnnlib
from torch import nn
from cnnlib.chapters import resnet
from cnnlib.course import Bench, Explorer, Knob
from cnnlib.course.checks import running""",
    "resnet.explorers.cifar_resnet()",
    "resnet.quiz(only=['shortcuts-56'])",
    """\
class MyBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3)
        print("hello from the block")

resnet.checks.identity_block(MyBlock)""",
    """\
def field(depth):
    while True:
        depth += 1

running.SECONDS = 1
resnet.checks.receptive_field(field)""",
    """\
def build(model, depth, width):
    return cnnlib.create_model(model, depth=depth, width=width, in_channels=1)

knobs = [
    Knob("depth", "Depth", (8, 14, 20), 8),
    Knob("width", "Width", (0.5, 1.0), 0.5),
    Knob("model", "Kind", ("cifar_plain", "cifar_resnet"), "cifar_resnet"),
]
digits = cnnlib.load_data("digits", size=8)
Bench(build, knobs, data=digits, epochs=2, recorded=resnet.runs("bench"))""",
]
EXPLORER, QUIZ, CHECK, ENDLESS, BENCH = range(1, 6)
SETTINGS = {
    # No news from the network, no questions; all cells drawn, so that a test need not scroll.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}


def environment(home: Path) -> dict[str, str]:
    """Jupyter's own files, trust too, lie under `home` and nowhere else."""
    folders = {
        "HOME": home,
        "IPYTHONDIR": home / "ipython",
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
    }
    quiet = {"PYTHONPATH": str(ROOT), "CNNLIB_QUIET": "1", "OMP_NUM_THREADS": "1"}
    return os.environ | {name: str(folder) for name, folder in folders.items()} | quiet


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[str]:
    """The address of a JupyterLab over a folder with one notebook, once trusted and once not, both executed."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("notebooks")
    env = environment(home)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=env)
    for cell in notebook.cells:  # as book/tools/execute.py leaves it
        for output in cell.outputs:
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    notebook.metadata.pop("widgets", None)
    for name in ("trusted", "untrusted"):
        nbformat.write(notebook, folder / f"{name}.ipynb")
    # Trust is of the content: one that differs by a space is another.
    untrusted = (folder / "untrusted.ipynb").read_text(encoding="utf-8").replace("import cnnlib", "import  cnnlib", 1)
    (folder / "untrusted.ipynb").write_text(untrusted, encoding="utf-8")
    (home / "config" / "labconfig").mkdir(parents=True)
    (home / "config" / "labconfig" / "default_setting_overrides.json").write_text(
        json.dumps(SETTINGS), encoding="utf-8"
    )
    jupyter = [sys.executable, "-m", "jupyter"]
    subprocess.run([*jupyter, "trust", folder / "trusted.ipynb"], env=env, check=True, capture_output=True)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": str(port),
        "ServerApp.port_retries": "0",
        "ServerApp.root_dir": str(folder),
        "ServerApp.open_browser": "False",
        "ServerApp.allow_root": "True",
        "IdentityProvider.token": "",
    }
    log = home / "server.log"
    arguments = [f"--{name}={value}" for name, value in options.items()]
    with open(log, "w", encoding="utf-8") as out:
        server = subprocess.Popen([*jupyter, "lab", *arguments], env=env, stdout=out, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5)
                break
            except OSError:
                assert server.poll() is None, log.read_text(encoding="utf-8")
                time.sleep(0.25)
        else:
            pytest.fail(f"JupyterLab does not answer:\n{log.read_text(encoding='utf-8')}")
        yield address
    finally:
        server.terminate()  # its kernels go with it
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:  # a machine with other work: what was tested has been seen
            server.kill()
            server.wait()


@pytest.fixture
def notebook(chromium, lab, request) -> Iterator[Page]:
    """The notebook that the test asks for ("trusted" or "untrusted"), open in a JupyterLab of its own."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    page.goto(f"{lab}/lab/workspaces/{request.param}-{os.getpid()}-{time.monotonic_ns()}/tree/{request.param}.ipynb")
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(CELLS))
    yield page
    expect.set_options(timeout=None)
    context.close()


def output(notebook: Page, cell: int) -> Locator:
    """What a cell shows."""
    return notebook.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-Cell-outputArea")


@pytest.mark.parametrize("notebook", ["trusted"], indirect=True)
def test_without_running_a_cell_explorers_move_and_quizzes_grade(notebook):
    explorer = output(notebook, EXPLORER)
    sentence, slider = explorer.locator(".cnn-sentence"), explorer.locator("input[name=depth]")
    before, blocks = sentence.inner_text(), explorer.locator("rect.cnn-block").count()
    slider.press("End")
    slider.press("ArrowLeft")  # a key that JupyterLab would take for itself
    expect(sentence).not_to_have_text(before)
    assert explorer.locator("rect.cnn-block").count() > blocks
    expect(slider).to_be_focused()

    question = output(notebook, QUIZ)
    question.locator("input").fill("27")
    question.locator("input").press("Enter")
    expect(question.locator(".cnn-verdict")).to_have_text("Right.")

    expect(output(notebook, BENCH)).to_contain_text("Recorded 20")  # the bench is its recorded runs


@pytest.mark.parametrize("notebook", ["untrusted"], indirect=True)
def test_an_untrusted_notebook_shows_the_text(notebook):
    expect(notebook.locator(".cnn-knob")).to_have_count(0)  # no script has run
    expect(output(notebook, EXPLORER).locator("table")).to_contain_text("stage2")
    expect(output(notebook, QUIZ)).to_contain_text("How many shortcut connections")
    expect(output(notebook, CHECK)).to_contain_text("Not right yet. Your module has one convolution.")


@pytest.mark.parametrize("notebook", ["trusted"], indirect=True)
def test_run_there_checks_answer_and_the_bench_trains(notebook):
    notebook.get_by_role("menuitem", name="Run", exact=True).click()
    notebook.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    train = output(notebook, BENCH).get_by_role("button", name="Train", exact=True)
    expect(train).to_be_visible()  # the last cell: all have run

    expect(output(notebook, CHECK)).to_contain_text("hello from the block")
    expect(output(notebook, CHECK)).to_contain_text("Not right yet. Your module has one convolution.")
    expect(output(notebook, ENDLESS)).to_contain_text("Stopped: after 1 s")
    expect(output(notebook, ENDLESS)).to_contain_text("line ")  # of the loop

    bench = output(notebook, BENCH)
    train.click()
    expect(bench).to_contain_text("Done after 2 of 2 epochs")
    bench.get_by_label("Depth").select_option("14")
    train.click()
    expect(bench.locator(".cnn-trained tbody tr")).to_have_count(2)
    expect(bench).to_contain_text("depth 14, width 0.5, kind cifar_resnet")
    expect(bench.locator("svg[role=img] path.cnn-line")).to_have_count(2 * 2)
    expect(bench.get_by_role("button", name="Stop")).to_be_disabled()

    findings = Axe().run(notebook, context={"include": [".jp-Cell-outputArea"]}).response["violations"]
    grave = [
        f"{finding['id']}: {[node['html'][:200] for node in finding['nodes']]}"
        for finding in findings
        if finding["impact"] in ("serious", "critical")
    ]
    assert not grave, "\n".join(grave)
