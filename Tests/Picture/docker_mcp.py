"""A stand-in for the MCP server mcp-server-docker (0.3.0) over stdio, for machines where PyPI cannot be reached.

It looks and acts through the docker command on PATH, and answers as that server does: in the era that the first message
chose, with structured results, no content for an empty list, and errors that say nothing (the cause is on stderr). Without
a Docker daemon it ends before it answers anything.
"""
import json, subprocess, sys, traceback

MODERN = "2026-07-28"
LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
CAPABILITIES = {"prompts": {"listChanged": False}, "resources": {"listChanged": False, "subscribe": False}, "tools": {"listChanged": False}}
LOOKS = {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False}
ACTS = {"destructiveHint": False, "idempotentHint": False, "openWorldHint": False}


def docker(*argv):
    done = subprocess.run(["docker", *argv], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def container(row):
    """What docker-py tells of a container, as far as `docker ps` knows it."""
    labels = dict(label.partition("=")[::2] for label in row["Labels"].split(",") if label)
    return {"id": row["ID"], "name": row["Names"], "short_id": row["ID"][:12], "image": {"id": "", "tags": [row["Image"]]}, "status": row["State"],
            "labels": labels, "ports": {}, "created": row["CreatedAt"], "state": {"Status": row["State"], "Running": row["State"] == "running"},
            "restart_count": 0, "networks": row["Networks"].split(","), "mounts": [], "config": {"image": row["Image"]}}


def containers(all=False, label=()):
    filters = [word for name in label for word in ("--filter", f"label={name}")]
    lines = docker("ps", "--no-trunc", *(["-a"] if all else []), *filters, "--format", "{{json .}}").splitlines()
    return [container(json.loads(line)) for line in lines if line]


def one(identity, status=None):
    found = [row for row in containers(all=True) if identity in (row["name"], row["id"], row["short_id"])]
    if not found:
        raise RuntimeError(f"No such container: {identity}")
    return {**found[0], **({"status": status} if status else {})}


def list_containers(all=False, filters=None):
    return {"result": containers(all, (filters or {}).get("label") or ())}


def start_container(container_id):
    docker("start", container_id)
    return one(container_id)


def stop_container(container_id):
    docker("stop", container_id)
    return one(container_id, "running")  # the original tells the state from before


def remove_container(container_id, force=False):
    found = one(container_id, "removed")
    docker("rm", *(["-f"] if force else []), container_id)
    return found


def fetch_container_logs(container_id, tail=100):
    return {"logs": docker("logs", "--tail", str(tail), container_id).split("\n")}


def absent(**_):
    raise RuntimeError("the stand-in knows of containers only")


CONTAINER = {"container_id": {"type": "string", "title": "Container Id"}}
FILTERS = {"anyOf": [{"$ref": "#/$defs/ListContainersFilters"}, {"type": "null"}], "default": None}
DEFS = {"ListContainersFilters": {"type": "object", "title": "ListContainersFilters", "properties": {
    "label": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}], "default": None}}}}
LIST = {"type": "object", "title": "list_containersOutput", "required": ["result"],
        "properties": {"result": {"type": "array", "title": "Result", "items": {"type": "object", "additionalProperties": True}}}}
# name: (what runs, description, annotations, properties, required, more of the schema, schema of the result)
TOOLS = {
    "list_containers": (list_containers, "List all Docker containers", LOOKS, {"all": {"type": "boolean", "default": False, "title": "All"}, "filters": FILTERS},
                        [], {"$defs": DEFS}, LIST),
    "start_container": (start_container, "Start a Docker container", ACTS, CONTAINER, ["container_id"], {}, None),
    "stop_container": (stop_container, "Stop a Docker container", ACTS, CONTAINER, ["container_id"], {}, None),
    "remove_container": (remove_container, "Remove a Docker container", {**ACTS, "destructiveHint": True},
                         {**CONTAINER, "force": {"type": "boolean", "default": False, "title": "Force"}}, ["container_id"], {}, None),
    "fetch_container_logs": (fetch_container_logs, "Fetch logs for a Docker container", LOOKS,
                             {**CONTAINER, "tail": {"anyOf": [{"type": "integer"}, {"const": "all", "type": "string"}], "default": 100, "title": "Tail"}},
                             ["container_id"], {}, None),
}
# The rest of what the original offers, by name, with what it needs.
for name, required in {
        "create_container": ["image"], "run_container": ["image"], "recreate_container": ["image"], "list_images": [], "pull_image": ["repository"],
        "push_image": ["repository"], "build_image": ["path", "tag"], "remove_image": ["image"], "list_networks": [], "create_network": ["name"],
        "remove_network": ["network_id"], "list_volumes": [], "create_volume": ["name"], "remove_volume": ["volume_name"]}.items():
    changes = {**ACTS, "destructiveHint": name.startswith(("remove", "recreate"))}
    TOOLS[name] = (absent, name.replace("_", " ").capitalize() + " of Docker", LOOKS if name.startswith("list") else changes,
                   {key: {"type": "string"} for key in required}, required, {}, None)


def described():
    def tool(name, known):
        _, description, annotations, properties, required, more, output = known
        schema = {**more, "type": "object", "title": f"{name}Arguments", "properties": properties, **({"required": required} if required else {})}
        return {"name": name, "description": description, "annotations": annotations, "inputSchema": schema, **({"outputSchema": output} if output else {})}
    return {"tools": [tool(name, known) for name, known in TOOLS.items()]}


def wrong(text):
    return {"content": [{"text": text, "type": "text"}], "isError": True}


def called(name, arguments):
    if name not in TOOLS:
        return wrong(f"Unknown tool: {name}")
    run, _, _, properties, required, _, _ = TOOLS[name]
    missing = [key for key in required if key not in arguments]
    if missing:
        return wrong(f"Error executing tool {name}: {len(missing)} validation error for {name}Arguments\n{missing[0]}\n  Field required [type=missing]")
    try:
        found = run(**{key: value for key, value in arguments.items() if key in properties})
    except Exception:
        traceback.print_exc()
        return wrong(f"Error executing tool {name}")
    blocks = found["result"] if "result" in found else [found]
    return {"content": [{"type": "text", "text": json.dumps(block, indent=2)} for block in blocks], "isError": False, "structuredContent": found}


class Session:
    """The era is that of the first request."""
    era = None

    def answer(self, method, params):
        """The result, or (code, message) of an error."""
        meta = params.get("_meta") or {}
        if self.era is None:
            self.era = "modern" if "io.modelcontextprotocol/protocolVersion" in meta else "legacy"
        if method == "initialize":
            if self.era == "modern":
                return -32022, f"connection is serving the {MODERN} protocol"
            asked = params.get("protocolVersion")
            return {"protocolVersion": asked if asked in LEGACY else LEGACY[-1], "capabilities": CAPABILITIES,
                    "serverInfo": {"name": "docker-server", "version": "0.3.0"}}
        if method == "ping" and self.era == "legacy":
            return {}
        found = {"tools/list": described, "tools/call": lambda: called(params.get("name"), params.get("arguments") or {}),
                 "server/discover": lambda: {"supportedVersions": [MODERN], "capabilities": CAPABILITIES}}.get(method)
        if found is None or (method == "server/discover" and self.era == "legacy"):
            return -32601, "Method not found"
        if method == "tools/call" and not isinstance(params.get("arguments") or {}, dict):
            return -32602, "Invalid request parameters"
        listing = {} if method == "tools/call" else {"ttlMs": 0, "cacheScope": "private"}
        modern = {"resultType": "complete", **listing, "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "docker-server", "version": "0.3.0"}}}
        return {**found(), **(modern if self.era == "modern" else {})}

    def serve(self):
        for line in sys.stdin:
            try:
                message = json.loads(line)
            except ValueError:
                continue  # as the original, silently
            if "id" not in message or "method" not in message:
                continue
            result = self.answer(message["method"], message.get("params") or {})
            outcome = {"error": {"code": result[0], "message": result[1]}} if isinstance(result, tuple) else {"result": result}
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **outcome}), flush=True)


if __name__ == "__main__":
    try:
        docker("version", "--format", "{{.Server.Version}}")
    except (RuntimeError, OSError) as error:
        sys.exit(f"docker.errors.DockerException: Error while fetching server API version: {error}")
    Session().serve()
