"""How Sphinx makes the site of the pages that tools/build_site.py puts together; `make docs`."""

from cifarlab import __version__

project = "cifarlab"
author = "The cifarlab authors"
copyright = author
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "tools.site_extension"]
exclude_patterns = ["**/*.txt"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!cifarlab\.).*|.*\._.*")]  # what other packages and private parts are called

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_merge_streams = True
html_math_renderer = "mathml"

add_function_parentheses = False
add_module_names = False
autosummary_generate = False  # it lists names that are documented anyway
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
default_role = "py:obj"  # links what is in the reference, and sets the rest as code
napoleon_attr_annotations = False  # docstrings tell dtype and shape, which annotations cannot
napoleon_use_ivar = True
python_maximum_signature_line_length = 70
python_use_unqualified_type_names = True

html_theme = "sphinx_book_theme"
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "show_toc_level": 2,
    "footer_content_items": [],
}
html_context = {"default_mode": "auto"}
html_title = "cifarlab"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_domain_indices = False
