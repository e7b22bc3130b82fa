"""Configuration of the documentation site; `scripts/docs` builds it.

The source folder is the project's own, so that the links of README.md and docs/*.md hold here as they do on GitHub.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import embrec

project = "EmbRec"
copyright = "the EmbRec authors"
version = release = embrec.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "pages", "docstrings"]
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "docs/api/**"]
exclude_patterns = ["[!RCd]*", ".*"]  # keeps the search for pages out of environments and data
suppress_warnings = ["config.cache"]

myst_heading_anchors = 4
highlight_language = "none"

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 100
default_role = "named"
# What the site documents can be read without these; an environment for the site need not hold them.
autodoc_mock_imports = ["ray", "transformers", "torchvision", "tensorflow", "tensorflow_hub", "hyperopt", "gensim"]

html_theme = "furo"
html_title = f"EmbRec {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
