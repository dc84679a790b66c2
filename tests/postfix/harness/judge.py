"""A policy server (Postfix's SMTPD_POLICY protocol) that says what a listener answers, changed while Postfix runs."""
import socketserver
import threading

from .base import free_port


class Judge:
    """Starts at once. at_rcpt[address] = "550 5.1.1 no" answers RCPT, at_end[address] the message of this single recipient;
    everything else passes. `asked` keeps the recipients in the order of their RCPT."""

    def __init__(self):
        self.port = free_port()
        self.at_rcpt, self.at_end = {}, {}
        self.asked = []
        judge = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    while request := _request(self.rfile):
                        self.wfile.write(f"action={judge.action(request)}\n\n".encode())
                except OSError:
                    return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def action(self, request):
        recipient = request.get("recipient", "")
        if request.get("protocol_state") == "RCPT":
            self.asked.append(recipient)
            return self.at_rcpt.get(recipient, "DUNNO")
        return self.at_end.get(recipient, "DUNNO")

    def clear(self):
        self.at_rcpt.clear()
        self.at_end.clear()
        self.asked.clear()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


def _request(lines):
    """{name: value} of one request; {} when the client has gone."""
    out = {}
    for line in lines:
        name, _, value = line.decode(errors="replace").rstrip("\n").partition("=")
        if not name:
            return out
        out[name] = value
    return {}
