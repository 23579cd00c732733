"""The settings of the site: all that it needs is in the checkout, nothing comes from a network."""

import os
import re
import shutil
import tempfile
from collections.abc import Sized
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx

import tinygrad_hw
from tinygrad_hw.cli.main import main
from tinygrad_hw.homework import SHEETS

HERE = Path(__file__).parent
ROOT = HERE.parent
INDEX = (HERE / "reference/index.rst").read_text("utf-8")
ROOMS = re.findall(r"^   (tinygrad_hw[.\w]*)$", INDEX, re.MULTILINE)


def kind_of(export: object) -> str:
    """Return the kind of an export that has no docstring of its own, else nothing."""
    if isinstance(export, ModuleType):
        return "module"
    return f"{type(export).__name__}, {len(export)} entries" if isinstance(export, Sized) else ""


project = "tinygrad_hw"
author = "the tinygrad_hw developers"
copyright = author
version = release = tinygrad_hw.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".py": "myst-nb"}
exclude_patterns = ["conf.py", "_build", "_templates", "demos/course.py", "demos/README.md"]
templates_path = ["_templates"]
nitpicky = True
nitpick_ignore_regex = [("py:class", ".*")]  # types in signatures; pages link with py:obj
suppress_warnings = ["ref.python"]  # a type of that name in two rooms: Value, here and in micrograd

# --- Reference: one page for a room, one for each of its public names -----------------------------

autosummary_generate = True
EXPORTS = {room: getattr(import_module(room), "__all__", []) for room in ROOMS}
HOMES = {name: room for room in reversed(ROOMS[1:]) for name in EXPORTS[room]}
CONSTANTS = {
    room: {name: kind for name in names if (kind := kind_of(getattr(import_module(room), name)))}
    for room, names in EXPORTS.items()
}
autosummary_context = {
    "exports": EXPORTS,
    "homes": HOMES,
    "package": ROOMS[0],
    "constants": CONSTANTS,
}
autodoc_typehints = "signature"
autodoc_type_aliases = {"npt.ArrayLike": "ArrayLike", "ArrayLike": "ArrayLike"}
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# --- Pages and lessons ----------------------------------------------------------------------------

# Lessons run in an IPython without anybody's own settings, which says nothing but errors.
_ipython = tempfile.TemporaryDirectory()
_profile = Path(_ipython.name, "profile_default")
_profile.mkdir()
(_profile / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 40\n")
os.environ["IPYTHONDIR"] = _ipython.name

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_update_mathjax = False
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_mime_priority_overrides = [("html", "text/latex", None)]  # MathML needs no script
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

# --- Looks ----------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "tinygrad_hw"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 7,  # more would take a second line
}
WITHOUT_SECTION = (
    "start",
    "tour",
    "sheet-format",
    "marking",
    "course-systems",
    "training",
    "architecture",
    "changelog",
)
html_sidebars = {page: [] for page in ("index", *WITHOUT_SECTION)}


def prepare(app: Sphinx) -> None:
    """Bring the lessons to where Sphinx reads; forget those and the reference of before."""
    shutil.rmtree(HERE / "reference/generated", ignore_errors=True)
    shutil.rmtree(HERE / "demos", ignore_errors=True)
    # With their times, by which Sphinx knows what has changed.
    shutil.copytree(ROOT / "demos", HERE / "demos", ignore=shutil.ignore_patterns("__pycache__"))


def add_pages(app: Sphinx, error: Exception | None) -> None:
    """Put the interactive pages of the shipped sheets beside the site."""
    pages = Path(app.outdir) / "pages"
    pages.mkdir(exist_ok=True)
    if error is None:
        for name in SHEETS:
            main(["page", name, "-o", str(pages / f"{name}.html")])


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", prepare, priority=100)  # before the sources are looked for
    app.connect("build-finished", add_pages)
