# SPDX-License-Identifier: BSD-3-Clause
"""A control socket whose answers the test decides."""
import json
import socket
import threading


class Refusal(Exception):
    """An ELBv2 error, or with 'rpc' a JSON-RPC one."""

    def __init__(self, code, message, rpc=-32000):
        super().__init__(message)
        self.error = {"code": rpc, "message": message}
        if rpc == -32000:
            self.error["data"] = {"Code": code}


class FakeDaemon:
    """answers: {method: result, Refusal, or a function of the parameters that returns or raises them}.
    'raw': bytes sent instead of any answer. 'requests' keeps (method, params) in order."""

    def __init__(self, path, answers=None, raw=None):
        self.path, self.answers, self.raw, self.requests = str(path), answers or {}, raw, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            with client, client.makefile("rwb") as lines:
                for line in lines:
                    answer = self.answer(json.loads(line))
                    if answer is None:
                        break
                    lines.write(answer)
                    lines.flush()

    def answer(self, request):
        assert request["jsonrpc"] == "2.0"
        method, params = request["method"], request.get("params")
        self.requests.append((method, params))
        if self.raw is not None:
            return self.raw or None
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            result = self.answers.get(method, {})
            if callable(result):
                result = result(params)
            if isinstance(result, Refusal):
                raise result
            reply["result"] = result
        except Refusal as refusal:
            reply["error"] = refusal.error
        return json.dumps(reply).encode() + b"\n"

    def close(self):
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which would keep it open
        self.listener.close()
