"""Widgets in a notebook that is opened again: JupyterLab keeps them in the file, but without a kernel they are dead.

In their place JupyterLab shows an error. So a still page is saved beside the widget, and a style sheet shows that page
where the widget is dead. Where style sheets are stripped, as on GitHub, the page shows and the widget does not.
The style sheet also replaces the error of every other widget of the notebook, such as dials, by what to do about it.
"""

LIVE = "mmatl-live"  # on a widget that a kernel drew
_STYLE = f"""<style>
.mmatl-still {{ display: none }}
.jp-OutputArea:not(:has(.{LIVE})) .mmatl-still {{ display: block }}
.jp-OutputArea-child:has(.mmatl-still):has(+ .jp-OutputArea-child .{LIVE}) {{ display: none }}
.jp-OutputArea-child:has(.mmatl-still) + .jp-OutputArea-child:not(:has(.{LIVE})) {{ display: none }}
.jp-OutputArea-output.jupyter-widgets:not(:has(*)) {{ font-size: 0 }}
.jp-OutputArea-output.jupyter-widgets:not(:has(*))::after {{ content: "Run this cell again: this part needs a kernel.";
  font-size: var(--jp-content-font-size1); opacity: .7 }}
</style>"""


def display_live(widget, text: str, html: str) -> None:
    """Display a widget, and `html` in its place once its kernel is gone; `text` is for readers without either."""
    from IPython.display import display

    widget.add_class(LIVE)
    display({"text/plain": text, "text/html": f'{_STYLE}<div class="mmatl-still">{html}</div>'}, raw=True)
    shown = widget._repr_mimebundle_()
    display({**shown, "text/plain": ""}, raw=True)
