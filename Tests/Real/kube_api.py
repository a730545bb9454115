#!/usr/bin/env python3
"""A stand-in for the Kubernetes API server, for real clients of it: kube_api.py PORT

kubectl and Helm's library work on it: discovery, objects, selectors, patches, server-side apply, watches. It keeps objects
and nothing runs: a Deployment is available, and has a pod that is Ready, as soon as it is there. No TLS, no users.
With PORT 0 it takes a free one; it prints `serving ADDRESS`. What is asked of a service named …-prometheus through its proxy goes to
the server at PROMETHEUS, where that is set.
  kubectl --server=http://127.0.0.1:PORT --kubeconfig=/dev/null --cache-dir=DIR …     (its discovery cache is per address)
"""
import json, os, re, sys, threading, time, urllib.error, urllib.request, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import kube_protobuf

# (group, version): resource → kind, whether it is in a namespace, short names
RESOURCES = {
    ("", "v1"): {
        "namespaces": ("Namespace", False, ["ns"]), "nodes": ("Node", False, ["no"]), "pods": ("Pod", True, ["po"]),
        "configmaps": ("ConfigMap", True, ["cm"]), "secrets": ("Secret", True, []), "services": ("Service", True, ["svc"]),
        "serviceaccounts": ("ServiceAccount", True, ["sa"]), "endpoints": ("Endpoints", True, ["ep"]), "events": ("Event", True, ["ev"])},
    ("apps", "v1"): {
        "deployments": ("Deployment", True, ["deploy"]), "statefulsets": ("StatefulSet", True, ["sts"]),
        "daemonsets": ("DaemonSet", True, ["ds"]), "replicasets": ("ReplicaSet", True, ["rs"])},
    ("storage.k8s.io", "v1"): {"storageclasses": ("StorageClass", False, ["sc"])},
    ("batch", "v1"): {"jobs": ("Job", True, [])},
    ("monitoring.coreos.com", "v1"): {"servicemonitors": ("ServiceMonitor", True, ["smon"]), "prometheuses": ("Prometheus", True, [])},
    ("apiextensions.k8s.io", "v1"): {"customresourcedefinitions": ("CustomResourceDefinition", False, ["crd"])},
    ("authorization.k8s.io", "v1"): {"selfsubjectaccessreviews": ("SelfSubjectAccessReview", False, [])},
}
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.1", "gitCommit": "0", "gitTreeState": "clean", "buildDate": "2026-05-12T00:00:00Z",
           "goVersion": "go1.26.0", "compiler": "gc", "platform": "linux/amd64"}
# An empty body is a valid empty document and turns validation off; without one, kubectl apply and Helm stop.
OPENAPI = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
LONGEST_WATCH = 60


class Status(Exception):
    """An answer of kind Status, which is how the API tells of a failure."""

    def __init__(self, code, reason, message, **details):
        super().__init__(message)
        self.code = code
        self.body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" if code < 300 else "Failure",
                     "message": message, "reason": reason, "details": details, "code": code}


def unknown_path():
    return Status(404, "NotFound", "the server could not find the requested resource")


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def group_version(group, version):
    return f"{group}/{version}" if group else version


# --- objects ------------------------------------------------------------------------------------------------------------

def merged(old, patch):
    """A merge patch: null removes, objects go deep. Near enough to a strategic one and to an apply."""
    if not isinstance(patch, dict):
        return patch
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def settled(found):
    """The object with the status that controllers would come to."""
    kind, spec, generation = found["kind"], found.get("spec") or {}, found["metadata"].get("generation", 1)
    if kind == "Namespace":
        found["status"] = {"phase": "Active"}
        found.setdefault("spec", {"finalizers": ["kubernetes"]})
    elif kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        n = spec.get("replicas", 1)
        found["status"] = {"observedGeneration": generation, "replicas": n, "readyReplicas": n, "availableReplicas": n, "updatedReplicas": n, "currentReplicas": n,
                           "conditions": [{"type": "Available", "status": "True"},
                                          {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]}
    elif kind == "DaemonSet":
        found["status"] = {"observedGeneration": generation, **dict.fromkeys(
            ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable"), 1)}
    elif kind == "Job":
        found["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    return found


def labels_match(labels, selector):
    for term in filter(None, selector.split(",")):
        compared = re.match(r"^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$", term)
        if compared:
            key, operator, value = compared.groups()
            if (labels.get(key) == value) == (operator == "!="):
                return False
        elif term.startswith("!"):
            if term[1:] in labels:
                return False
        elif term not in labels:
            return False
    return True


def fields_match(found, selector):
    for term in filter(None, selector.split(",")):
        path, _, value = term.partition("=")
        at = found
        for name in path.split("."):
            at = (at or {}).get(name)
        if at != value.lstrip("="):
            return False
    return True


class Cluster:
    """The objects, by (group, resource, namespace, name), under one lock; each change has a new resource version."""

    def __init__(self):
        self.lock = threading.Condition()
        self.objects, self.version = {}, 100
        for name in ("default", "kube-system", "kube-public", "kube-node-lease", "local-path-storage"):
            self.put(("", "namespaces", None, name), {"kind": "Namespace", "apiVersion": "v1", "metadata": {"labels": {"kubernetes.io/metadata.name": name}}})
        self.put(("", "nodes", None, "oppen-local-control-plane"), {
            "kind": "Node", "apiVersion": "v1", "metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}},
            "spec": {"providerID": "kind://docker/oppen-local/oppen-local-control-plane"},
            "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}], "nodeInfo": {"kubeletVersion": "v1.36.1"}}})

        self.put(("storage.k8s.io", "storageclasses", None, "standard"), {"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1", "metadata": {}})
        for name in ("etcd", "kube-apiserver", "coredns", "kindnet"):
            self.pod("kube-system", name)

    def pod(self, namespace, name):
        """A pod as a kubelet would have it."""
        self.put(("", "pods", namespace, name), {
            "kind": "Pod", "apiVersion": "v1", "metadata": {}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})

    def put(self, key, found):
        """Stores a new or changed object; what the server itself writes into metadata is kept from the old one."""
        _, _, namespace, name = key
        old = self.objects.get(key, {}).get("metadata", {})
        self.version += 1
        found["metadata"].update(name=name, uid=old.get("uid") or str(uuid.uuid4()), creationTimestamp=old.get("creationTimestamp") or now(),
                                 resourceVersion=str(self.version), generation=old.get("generation", 0) + 1)
        if namespace:
            found["metadata"]["namespace"] = namespace
        self.objects[key] = settled(found)
        if key[1] in ("deployments", "statefulsets", "daemonsets"):
            self.pod(namespace, f"{name}-0")
        with self.lock:
            self.lock.notify_all()
        return found

    def remove(self, key):
        found = self.objects.pop(key, None)
        if found and key[1] in ("deployments", "statefulsets", "daemonsets"):
            self.remove(("", "pods", key[2], f"{key[3]}-0"))
        if found and found["kind"] == "Namespace":
            for other in [other for other in self.objects if other[2] == key[3]]:
                del self.objects[other]
        with self.lock:
            self.lock.notify_all()
        return found

    def listed(self, group, resource, namespace, asked):
        return {key: found for key, found in self.objects.items()
                if key[:2] == (group, resource) and namespace in (None, key[2])
                and labels_match(found["metadata"].get("labels") or {}, asked.get("labelSelector", ""))
                and fields_match(found, asked.get("fieldSelector", ""))}


# --- HTTP ---------------------------------------------------------------------------------------------------------------

class Target:
    """What a path leads to: a resource, perhaps in a namespace, perhaps one object of it by name."""

    def __init__(self, path):
        matched = re.match(r"^/(?:api/(v1)|apis/([^/]+)/([^/]+))(?:/(.*))?$", path)
        if not matched:
            raise unknown_path()
        self.group, self.version = ("", "v1") if matched.group(1) else (matched.group(2), matched.group(3))
        known = RESOURCES.get((self.group, self.version))
        if known is None:
            raise unknown_path()
        rest = (matched.group(4) or "").split("/") if matched.group(4) else []
        self.namespace = None
        if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in ("status", "finalize"):
            self.namespace, rest = rest[1], rest[2:]
        self.resource, self.name = rest[0] if rest else None, rest[1] if len(rest) > 1 else None
        if self.resource is not None and self.resource not in known:
            raise unknown_path()
        self.kind = known[self.resource][0] if self.resource else None

    @property
    def key(self):
        return (self.group, self.resource, self.namespace, self.name)

    def missing(self):
        full = f"{self.resource}.{self.group}" if self.group else self.resource
        return Status(404, "NotFound", f'{full} "{self.name}" not found', name=self.name, kind=self.resource)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster = Cluster()

    def log_message(self, *_):
        pass

    def answer(self, code, value, kind="application/json"):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def respond(self):
        url = urlparse(self.path)
        asked = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            fixed = self.discovery(url.path.rstrip("/") or "/")
            if fixed:
                return self.answer(200, *fixed)
            if re.match(r"^/api/v1/namespaces/[^/]+/services/[^/]*-prometheus:\d+/proxy/", url.path):
                return self.through(url)
            target = Target(url.path.rstrip("/"))
            if target.resource is None:
                return self.answer(200, resource_list(target))
            if self.command == "GET" and asked.get("watch") in ("true", "1"):
                return self.watch(target, asked)
            with self.cluster.lock:
                code, value = {"GET": self.read, "POST": self.create, "PUT": self.change, "PATCH": self.change, "DELETE": self.delete}[self.command](
                    target, asked, self.parsed(body))
            self.answer(code, value)
        except Status as status:
            self.answer(status.code, status.body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

    def through(self, url):
        """What is behind a service: Prometheus."""
        try:
            with urllib.request.urlopen(os.environ["PROMETHEUS"] + url.path.partition("/proxy")[2] + "?" + url.query, timeout=10) as found:
                self.answer(found.status, found.read())
        except (OSError, KeyError):
            raise Status(503, "ServiceUnavailable", f"no endpoints available for service {url.path.split('/')[6]!r}")

    @staticmethod
    def discovery(path):
        groups = [{"name": group, "versions": [{"groupVersion": f"{group}/{version}", "version": version}],
                   "preferredVersion": {"groupVersion": f"{group}/{version}", "version": version}} for group, version in RESOURCES if group]
        return {
            "/healthz": (b"ok", "text/plain"), "/readyz": (b"ok", "text/plain"), "/livez": (b"ok", "text/plain"), "/openapi/v2": (b"", OPENAPI),
            "/version": (VERSION,), "/api": ({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},),
            "/apis": ({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},)}.get(path)

    @staticmethod
    def parsed(body):
        """JSON, also where typed clients send protobuf; None without a body."""
        if not body:
            return None
        if not body.startswith(kube_protobuf.MAGIC):
            return json.loads(body)
        found = kube_protobuf.decode(body)
        if found is None:
            raise Status(415, "UnsupportedMediaType",
                         "the body of the request was in an unknown format - accepted media types include: application/json")
        return found

    def read(self, target, asked, _):
        if target.name:
            found = self.cluster.objects.get(target.key)
            if found is None:
                raise target.missing()
            return 200, found
        items = self.cluster.listed(target.group, target.resource, target.namespace, asked)
        return 200, {"kind": target.kind + "List", "apiVersion": group_version(target.group, target.version),
                     "metadata": {"resourceVersion": str(self.cluster.version)}, "items": list(items.values())}

    def create(self, target, asked, given):
        target.name = given["metadata"].get("name") or given["metadata"].get("generateName", "x") + uuid.uuid4().hex[:5]
        if target.key in self.cluster.objects:
            raise Status(409, "AlreadyExists", f'{target.resource} "{target.name}" already exists', name=target.name, kind=target.resource)
        if target.namespace and ("", "namespaces", None, target.namespace) not in self.cluster.objects:
            raise Status(404, "NotFound", f'namespaces "{target.namespace}" not found', name=target.namespace, kind="namespaces")
        return 201, self.keep(target, asked, given)

    def change(self, target, asked, given):
        old = self.cluster.objects.get(target.key)
        applying = "apply-patch" in self.headers.get("Content-Type", "")  # server-side apply creates
        if old is None and not applying:
            raise target.missing()
        return (200 if old else 201), self.keep(target, asked, merged(old, given) if self.command == "PATCH" else given)

    def keep(self, target, asked, found):
        found.update(kind=target.kind, apiVersion=group_version(target.group, target.version))
        return found if "dryRun" in asked else self.cluster.put(target.key, found)

    def delete(self, target, asked, _):
        if self.cluster.remove(target.key) is None:
            raise target.missing()
        return 200, Status(200, "", "", name=target.name, kind=target.resource).body

    # --- watches ---

    def watch(self, target, asked):
        """What is there, then each change, until the time asked for is over."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        initial = asked.get("sendInitialEvents") == "true"
        end = time.monotonic() + min(int(asked.get("timeoutSeconds") or 30), LONGEST_WATCH)
        with self.cluster.lock:
            seen = self.cluster.listed(target.group, target.resource, target.namespace, asked)
            first = list(seen.values()) if initial or not asked.get("resourceVersion") else []
        for found in first:
            self.event("ADDED", found)
        if initial:
            self.event("BOOKMARK", {"kind": target.kind, "apiVersion": group_version(target.group, target.version), "metadata": {
                "resourceVersion": str(self.cluster.version), "annotations": {"k8s.io/initial-events-end": "true"}}})
        while time.monotonic() < end:
            with self.cluster.lock:
                current = self.cluster.listed(target.group, target.resource, target.namespace, asked)
                if current == seen:
                    self.cluster.lock.wait(min(1, max(0, end - time.monotonic())))
                    current = self.cluster.listed(target.group, target.resource, target.namespace, asked)
            self.changes(seen, current)
            seen = current
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def changes(self, seen, current):
        for key, found in current.items():
            if key not in seen:
                self.event("ADDED", found)
            elif seen[key] is not found:
                self.event("MODIFIED", found)
        for key in seen.keys() - current.keys():
            self.event("DELETED", seen[key])

    def event(self, kind, found):
        line = json.dumps({"type": kind, "object": found}).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()


def resource_list(target):
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version(target.group, target.version), "resources": [
        {"name": resource, "singularName": kind.lower(), "namespaced": namespaced, "kind": kind, "verbs": VERBS, "shortNames": short}
        for resource, (kind, namespaced, short) in RESOURCES[(target.group, target.version)].items()]}


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    print(f"serving http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
