"""The HTTP servers of the picture: Ollama's API (started by `picture up`), and Grafana and Prometheus, which live inside
the pictured `kubectl port-forward` and answer from the cluster's state."""
import base64, json, os, signal, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse
import chat, machine
from machine import Fail, delay, deployed, effect, etcd_watched, out, record, state


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, value, kind="application/json; charset=utf-8"):
        body = value.encode() if isinstance(value, str) else json.dumps(value, separators=(",", ":")).encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            pass


# --- Ollama ----------------------------------------------------------------------------------------------------------

CATALOGUE = {  # name: (size, capabilities)
    "llama3.2:3b": (2019393189, ["completion", "tools"]), "llama3.1:latest": (4920753328, ["completion", "tools"]),
    "llama3.1:8b": (4920753328, ["completion", "tools"]), "qwen3:4b": (2497293931, ["completion", "tools", "thinking"]),
    "llama3:latest": (4661224676, ["completion"]), "gemma:2b": (1678447520, ["completion"]),
}


def full(name):
    return name if ":" in name else name + ":latest"


def described(name):
    size, capabilities = CATALOGUE[name]
    return {"name": name, "model": name, "modified_at": "2026-11-22T21:00:00.123456789Z", "size": size, "digest": "a80c4f17acd5" + "0" * 52,
            "details": {"parent_model": "", "format": "gguf", "family": name.split(":")[0], "families": [name.split(":")[0]],
                        "parameter_size": "3.2B", "quantization_level": "Q4_K_M"}, "capabilities": capabilities}


class Ollama(Handler):
    def do_HEAD(self):
        self.answer(200, "")

    def do_GET(self):
        record("request", path=self.path)
        with state(write=False) as s:
            models = s["models"]
        routes = {"/": "Ollama is running", "/api/version": {"version": "0.32.15"},
                  "/api/tags": {"models": [described(m) for m in models]}, "/api/ps": {"models": []},
                  "/v1/models": {"object": "list", "data": [{"id": m, "object": "model", "created": 0, "owned_by": "library"} for m in models]}}
        self.answer(200, routes[self.path]) if self.path in routes else self.answer(404, "404 page not found", "text/plain")

    def do_POST(self):
        record("request", path=self.path)
        try:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        except ValueError:
            return self.answer(400, {"error": "invalid request"})
        name = full(asked.get("model") or asked.get("name") or "")
        if self.path == "/api/show":
            with state(write=False) as s:
                known = name in s["models"]
            if not known:
                return self.answer(404, {"error": f"model '{asked.get('model')}' not found"})
            return self.answer(200, {"details": described(name)["details"], "capabilities": CATALOGUE[name][1], "model_info": {}})
        if self.path == "/api/pull":
            return self.pull(name, asked.get("stream", True))
        if self.path in ("/api/chat", "/v1/chat/completions"):
            return self.chat(name, asked)
        self.answer(404, "404 page not found", "text/plain")

    def chat(self, name, asked):
        openai = self.path != "/api/chat"
        with state(write=False) as s:
            mood, known = s.get("chat", ""), name in s["models"]
        refused = (400, "model is required") if not asked.get("model") else (404, f"model '{asked['model']}' not found") if not known else None
        if known and asked.get("tools") and "tools" not in CATALOGUE[name][1]:
            refused = 400, f"registry.ollama.ai/library/{name} does not support tools"
        if known and asked.get("think") and "thinking" not in CATALOGUE[name][1]:
            refused = 400, f'"{asked["model"]}" does not support thinking'
        if refused:
            status, text = refused
            return self.answer(status, {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": None} if openai else text})
        lines = (chat.openai if openai else chat.ollama)(asked["model"], asked, mood)
        if not asked.get("stream", not openai):
            return self.answer(200, lines[0])
        self.stream("text/event-stream" if openai else "application/x-ndjson",
                    [f"data: {json.dumps(line)}\n\n" for line in lines] + ["data: [DONE]\n\n"] if openai else [json.dumps(line) + "\n" for line in lines])

    def stream(self, kind, chunks):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            time.sleep(delay("ollama token"))
            data = chunk.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def pull(self, name, stream):
        if stream:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()

        def say(value):
            if stream:
                line = json.dumps(value, separators=(",", ":")).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
        last = {"status": "success"}
        say({"status": "pulling manifest"})
        if name not in CATALOGUE:  # under HTTP 200: the last line decides
            last = {"error": "pull model manifest: file does not exist"}
        else:
            with state(write=False) as s:
                done = 100 if name in s["models"] else s["pulls"].get(name, 0)
            size = CATALOGUE[name][0]
            while done < 100:  # what was pulled stays when the client goes away: a repeat goes on from there
                time.sleep(delay("ollama pull") / 20)
                done += 5
                with state() as s:
                    s["pulls"][name] = done
                say({"status": "pulling dde5aa3fc5ff", "digest": "sha256:dde5aa3fc5ff" + "0" * 52, "total": size, "completed": size * done // 100})
            say({"status": "verifying sha256 digest"})
            say({"status": "writing manifest"})
            with state() as s:
                if name not in s["models"]:
                    s["models"].append(name)
                    effect(f"model {name} pulled")
        say(last)
        if stream:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.answer(200, last)


# --- behind a port-forward -------------------------------------------------------------------------------------------

DASHBOARDS = [("efa86fd1d0c121a26444b636a3f509a8", "Kubernetes / Compute Resources / Cluster"), ("3138fa155d5915769fbded898ac09fd9", "Kubernetes / Kubelet"),
              ("09ec8aa1e996d6ffcd6817bbaff4db1b", "Kubernetes / API server"), ("72e0e05bef5099e5f049b05fdc429ed4", "Kubernetes / Controller Manager"),
              ("2e6b6a3b4bddf1427b3a55aa1311c656", "Kubernetes / Scheduler"), ("c2f4e12cdf69feb95caa41a5a1b423d9", "etcd"),
              ("632e265de029684c40b21cb76bca4f94", "Kubernetes / Proxy"), ("7d57716318ee0dddbac5a7f451fb7753", "Node Exporter / Nodes")]
DASHBOARDS += [(f"{n:032x}", f"Kubernetes / Networking / {n}") for n in range(16)]
JOBS = {"apiserver": 6443, "kubelet": 10250, "kube-controller-manager": 10257, "kube-scheduler": 10259, "kube-etcd": 2381, "kube-proxy": 10249,
        "coredns": 9153, "node-exporter": 9100, "kube-state-metrics": 8080, "kube-prometheus-stack-grafana": 3000}


def scraped(revision):
    return time.time() >= revision["operator_at"] + delay("scrape")


def targets(cluster, revision):
    """Prometheus' targets; `refused` in the cluster's state names those whose metrics listen inside the node only."""
    def one(job, port):
        bad = job in cluster.get("refused", [])
        error = f'Get "http://172.18.0.2:{port}/metrics": dial tcp 172.18.0.2:{port}: connect: connection refused' if bad else ""
        return {"labels": {"job": job, "instance": f"172.18.0.2:{port}"}, "scrapePool": f"serviceMonitor/monitoring/{job}/0",
                "scrapeUrl": f"http://172.18.0.2:{port}/metrics", "lastError": error,
                "health": "unknown" if not scraped(revision) else "down" if bad else "up"}
    return {"status": "success", "data": {"activeTargets": [one(*job) for job in JOBS.items() if job[0] != "kube-etcd" or etcd_watched(revision)],
                                          "droppedTargets": []}}


def query(expression, revision):
    found = []
    if scraped(revision) and "==0" not in expression.replace(" ", ""):
        found = [{"metric": {}, "value": [time.time(), str(len(JOBS))]}]
    return {"status": "success", "data": {"resultType": "vector", "result": found}}


class Forwarded(Handler):
    """One connection through the forward; the pod behind it may be gone, and then the forward ends as kubectl's does."""

    def do_GET(self):
        sys.stdout.write(f"Handling connection for {self.server.server_port}\n")
        sys.stdout.flush()
        try:
            cluster = self.server.connect()
            revision = deployed(cluster)
        except Fail:
            revision = None
        if revision is None:
            sys.stderr.write("error: lost connection to pod\n")
            sys.stderr.flush()
            record("end", argv=sys.argv[1:], exit=1)
            os._exit(1)
        url = urlparse(self.path)
        asked = {k: v[0] for k, v in parse_qs(url.query).items()}
        (self.grafana if self.server.service == "grafana" else self.prometheus)(url.path, asked, cluster, revision)

    def prometheus(self, path, asked, cluster, revision):
        if path == "/api/v1/query":
            return self.answer(200, query(asked.get("query", ""), revision))
        if path != "/api/v1/targets":
            return self.answer(404, "404 page not found", "text/plain")
        self.answer(200, targets(cluster, revision))

    def grafana(self, path, asked, cluster, revision):
        if path == "/api/health":
            ok = time.time() >= revision["ready_at"]
            return self.answer(200 if ok else 503, {"commit": "0" * 40, "database": "ok" if ok else "failing", "version": "13.2.0"})
        if path == "/login":
            return self.answer(200, "<title>Grafana</title>", "text/html")
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        try:
            user = base64.b64decode(token).decode() if scheme == "Basic" else ""
        except ValueError:
            user = ""
        if user != f"admin:{cluster['password']}":
            return self.answer(401, {"message": "Invalid username or password", "messageId": "password-auth.failed", "statusCode": 401, "traceID": ""})
        if path == "/api/org":
            return self.answer(200, {"id": 1, "name": "Main Org."})
        if path == "/api/search":
            shown = DASHBOARDS if time.time() >= revision["ready_at"] + delay("dashboards") else DASHBOARDS[:3]
            return self.answer(200, [
                {"id": i + 1, "uid": uid, "title": title, "uri": "db/x", "url": f"/d/{uid}/x", "slug": "", "type": "dash-db",
                 "tags": ["kubernetes-mixin"], "isStarred": False, "sortMeta": 0} for i, (uid, title) in enumerate(shown)])
        if path == "/api/datasources/uid/prometheus/health":
            return self.answer(200, {"message": "Successfully queried the Prometheus API.", "status": "OK"})
        if path == "/api/datasources/proxy/uid/prometheus/api/v1/query":
            return self.answer(200, query(asked.get("query", ""), revision))
        self.answer(404, {"message": "Not found"})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def server_activate(self):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a client that is killed ends its request, not the server
        super().server_activate()


def forwarded(service, address, port, remote, connect):
    """Listens as kubectl port-forward does and serves until killed or until the pod is gone."""
    try:
        server = Server((address, port), Forwarded)
    except OSError:
        raise Fail(f"Unable to listen on port {port}: Listeners failed to create with the following errors: [unable to create listener: "
                   f"Error listen tcp4 {address}:{port}: bind: address already in use]\nerror: unable to listen on any of the requested ports: [{{{port} {remote}}}]")
    server.service, server.connect = service, connect
    out(f"Forwarding from {address}:{server.server_port} -> {3000 if service == 'grafana' else remote}")
    server.serve_forever()


if __name__ == "__main__":  # servers.py ollama PORT
    machine.TOOL = "ollama serve"
    host, _, port = sys.argv[2].rpartition(":")
    try:
        listening = Server((host or "127.0.0.1", int(port)), Ollama)
    except OSError:
        sys.exit(f"Error: listen tcp 127.0.0.1:{port}: bind: address already in use")
    listening.serve_forever()
