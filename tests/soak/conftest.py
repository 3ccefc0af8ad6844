"""The soak sees the same JupyterLab and Chromium as the browser tests."""

from browser.conftest import artifacts, chromium, jupyterlab, offline_page

__all__ = ["artifacts", "chromium", "jupyterlab", "offline_page"]
