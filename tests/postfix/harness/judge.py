"""A policy server (Postfix's SMTPD_POLICY protocol) that says what a listener answers, changed while Postfix runs."""
from .listener import Listener


class Judge(Listener):
    """Starts at once. at_rcpt[address] = "550 5.1.1 no" answers RCPT, at_end[address] the message of this single recipient;
    everything else passes. `asked` keeps the recipients in the order of their RCPT."""

    def __init__(self):
        self.at_rcpt, self.at_end = {}, {}
        self.asked = []
        super().__init__(self._answer)

    def _answer(self, rfile, wfile):
        while request := _request(rfile):
            wfile.write(f"action={self.action(request)}\n\n".encode())

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


def _request(lines):
    """{name: value} of one request; {} when the client has gone."""
    out = {}
    for line in lines:
        name, _, value = line.decode(errors="replace").rstrip("\n").partition("=")
        if not name:
            return out
        out[name] = value
    return {}
