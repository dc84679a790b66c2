"""An HTTP server for what certificates name: revocation lists, issuers, an OCSP responder. On 127.0.0.1; keeps a log."""
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .base import read, run, write


class Web:
    """paths: {"/a.crl": bytes, or a function of the request's body}. requests: [(method, path)] in order."""

    def __init__(self):
        self.paths, self.requests = {}, []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                web.requests.append((self.command, self.path))
                found = web.paths.get(self.path)
                content = found(body) if callable(found) else found
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self._running = True

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def asked(self, path):
        return sum(1 for _, p in self.requests if p == path)

    def stop(self):
        """The port is closed afterwards. May be called twice."""
        if self._running:
            self._running = False
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def responder(self, pki, issuer, folder, signer=None):
        """An answerer for paths[...]: `openssl ocsp` over what pki.crl() and pki.revoke() have noted of an issuer."""
        signer = signer or issuer
        index = os.path.join(pki.folder, "ca-" + issuer.name, "index.txt")
        lock = threading.Lock()

        def answer(body):
            with lock:
                asked, answered = os.path.join(folder, "ocsp.req"), os.path.join(folder, "ocsp.res")
                write(asked, body)
                run(["openssl", "ocsp", "-index", index, "-CA", issuer.cert, "-rsigner", signer.cert, "-rkey",
                     signer.key, "-reqin", asked, "-respout", answered, "-ndays", "1"])
                return read(answered)
        return answer
