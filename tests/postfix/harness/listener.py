"""A server on 127.0.0.1 that talks with whoever connects: the ground of the sink, the judge and the observer."""
import socketserver
import threading

from .base import free_port


class Listener:
    """Starts at once. talk(rfile, wfile) is a whole conversation, in a thread of its own; the other side may go at any time."""

    def __init__(self, talk):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    talk(self.rfile, self.wfile)
                except OSError:
                    return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            # Python's own number is 5: of more that come at once the system forgets some who think they are connected, and an
            # SMTP client waits five minutes for the greeting, with the message locked.
            request_queue_size = 128

        self.port = free_port()
        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
