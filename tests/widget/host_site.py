"""Somebody else's website: the pages into which a library's widget is put, each with its own ways."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TAG = '<script src="{gateway}/widget/loader.js" defer{more}></script>'
PLAIN = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>Trường em</title>{tag}</head>
<body><main><h1>Trường em</h1><p><a href="#tin">Tin trường</a></p>{body}</main></body></html>"""
STRICT = (
    "default-src 'none'; script-src {gateway}; connect-src {gateway}; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# An old content management system: no doctype, so quirks mode; styles for everything; Prototype.js's changed arrays.
OLD = """<html><head><meta charset="utf-8"><title>Phòng GD</title>
<style>
  html { font-size: 62.5% }
  * { letter-spacing: 4px; text-transform: uppercase; color: red !important; font: 30px cursive; }
  body > *, div, p, span, button, section { float: left !important; width: 50px; display: inline; margin: 9px; }
  [hidden] { display: block !important }
  thu-thu { display: none !important; opacity: .1; transform: rotate(9deg) }
  button { display: none !important }
</style>
<script>
  Array.prototype.each = function (deed) { for (var i = 0; i < this.length; i++) deed(this[i], i); };
  Array.prototype.toJSON = function () { return '[' + this.join(', ') + ']'; };
  Array.prototype.reduce = function () { return this.length > 1 ? this : this[0]; };
  Array.prototype.clear = function () { this.length = 0; return this; };
  Array.from = function (given) { return given && given.toArray ? given.toArray() : [].slice.call(given); };
  Array.prototype.entries = function () { return this; };
  String.prototype.toJSON = function () { return '"' + this + '"'; };
  String.prototype.escapeHTML = function () { return this; };
  Object.prototype.extend = function () { return this; };
  HTMLElement.prototype.hide = HTMLElement.prototype.show = function () { return this; };
  HTMLElement.prototype.scrollTo = function () { return this; };
  window.$ = window.$$ = function () { return null; };
</script>{tag}</head>
<body><div><table><tr><td><font size=2>Tin tức</font></table></div></body></html>"""


class HostSite:
    """Serves one page at a time."""

    def __init__(self, url: str, gateway: str) -> None:
        self.url = url
        self._gateway = gateway
        self.body = b""
        self.policy = ""
        self.asked: list[str] = []

    def shows(self, page: str = PLAIN, *, more: str = "", body: str = "", policy: str = "") -> None:
        """Show this page from now on; `more` is more attributes of the widget's tag."""
        tag = TAG.format(gateway=self._gateway, more=more)
        self.body = page.replace("{tag}", tag).replace("{body}", body).encode()
        self.policy = policy.format(gateway=self._gateway)


@contextmanager
def hosting(gateway: str) -> Iterator[HostSite]:
    """Yield the site, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            self.send_response(200 if self.path.partition("?")[0] == "/" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if site.policy:
                self.send_header("Content-Security-Policy", site.policy)
            self.end_headers()
            self.wfile.write(site.body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = HostSite(f"http://127.0.0.1:{server.server_port}/", gateway)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
