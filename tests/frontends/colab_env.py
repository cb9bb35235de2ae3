"""A second environment with Colab's IPython, ipywidgets and traitlets, beside the torch that is installed already.

python tests/frontends/colab_env.py     (prints its interpreter; made once, in _build/colab)
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("colab-requirements.txt")
FOLDER = Path(__file__).parents[2] / "_build" / "colab"


def pins() -> dict[str, str]:
    """What the requirements pin: name → version."""
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return dict(line.split("==") for line in lines if line)


def interpreter() -> Path:
    """The environment's Python; makes the environment where it is missing or the requirements have changed.

    Raises CalledProcessError, with pip's words in `stderr`, where they cannot be installed.
    """
    python = FOLDER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = FOLDER / "requirements.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == REQUIREMENTS.read_text(encoding="utf-8"):
        return python
    venv.create(FOLDER, clear=True, with_pip=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "-r", REQUIREMENTS]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    # Behind its own packages come those of the environment that runs this, and what is installed there for editing.
    own = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    behind = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    Path(own.stdout.strip(), "beside.pth").write_text(behind, encoding="utf-8")
    stamp.write_text(
        REQUIREMENTS.read_text(encoding="utf-8"), encoding="utf-8"
    )  # last: a half-made environment is made again
    return python


if __name__ == "__main__":
    print(interpreter())
