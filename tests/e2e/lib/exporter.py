# SPDX-License-Identifier: Apache-2.0
"""A metrics page whose values the test moves."""

import http.server
import threading


class Exporter:
    def __init__(self):
        self._values = {}
        self._lock = threading.Lock()
        self.scrapes = 0
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = exporter.page().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def set(self, metric, value, **labels):
        with self._lock:
            self._values[(metric, tuple(sorted(labels.items())))] = value

    def remove(self, metric, **labels):
        with self._lock:
            del self._values[(metric, tuple(sorted(labels.items())))]

    def page(self):
        with self._lock:
            self.scrapes += 1
            lines = []
            for (metric, labels), value in sorted(self._values.items()):
                inner = ",".join(f'{k}="{v}"' for k, v in labels)
                lines.append(f"{metric}{{{inner}}} {value}" if inner else f"{metric} {value}")
        return "\n".join(lines) + "\n"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
