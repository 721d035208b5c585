"""Settings of the documentation site; `make docs` builds it, offline."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from sphinx.search.en import SearchEnglish

import scaling_bayes

project = "scaling_bayes"
author = "The scaling_bayes developers"
project_copyright = author
release = version = scaling_bayes.__version__
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_click",
    "sphinx_copybutton",
    "commands",
    "drawings",
    "mathml",
    "module_map",
    "names",
    "tables",
    "trace_layout",
]
exclude_patterns = ["_*"]
templates_path = ["_templates"]
nitpicky = True
smartquotes_action = "qe"  # the dashes of options stay
show_warning_types = True

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_dmath_allow_digits = False
myst_dmath_double_inline = False
myst_heading_anchors = 3
# Notebooks are shown with the outputs stored in them.
nb_execution_mode = "off"

default_role = "name"
autosummary_generate = True
autodoc_typehints = "none"  # docstrings state types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "scaling_bayes"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"index": [], "tutorial": []}
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
}
# Readers search for questions too, and for "own data".
SearchEnglish.stopwords -= {"how", "own", "what", "when", "which", "who", "why"}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
