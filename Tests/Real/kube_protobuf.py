"""What typed Kubernetes clients send as protobuf, as the JSON it stands for: namespaces, secrets, config maps."""
import base64

MAGIC = b"k8s\x00"


def decode(body):
    """The object in an envelope `k8s\\0` + Unknown{typeMeta, raw}; None where its kind is not known here."""
    envelope = dict(fields(body[len(MAGIC):]))
    meta = dict(fields(envelope[1]))
    version, kind = meta.get(1, b"").decode(), meta.get(2, b"").decode()
    found = {"apiVersion": version, "kind": kind, "metadata": {}}
    if kind == "DeleteOptions":
        return found
    if kind not in ("Namespace", "Secret", "ConfigMap"):
        return None
    for number, value in fields(envelope[2]):
        if number == 1:
            metadata(value, found["metadata"])
        elif number == 2 and kind != "Namespace":
            key, text = entry(value)
            found.setdefault("data", {})[key] = base64.b64encode(text).decode() if kind == "Secret" else text.decode()
        elif number == 3 and kind == "Secret":
            found["type"] = value.decode()
    return found


def metadata(message, into):
    texts = {1: "name", 2: "generateName", 3: "namespace", 5: "uid", 6: "resourceVersion"}
    maps = {11: "labels", 12: "annotations"}
    for number, value in fields(message):
        if number in texts and value:
            into[texts[number]] = value.decode()
        elif number in maps:
            key, text = entry(value)
            into.setdefault(maps[number], {})[key] = text.decode()


def entry(message):
    """A key and value of a map."""
    found = dict(fields(message))
    return found.get(1, b"").decode(), found.get(2, b"")


def fields(message):
    """The (number, value) pairs of a message: integers for varints, else bytes."""
    at = 0

    def varint():
        nonlocal at
        result = shift = 0
        while True:
            byte = message[at]
            at += 1
            result |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return result
    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
            continue
        size = {1: 8, 5: 4}[tag & 7] if tag & 7 != 2 else varint()
        yield tag >> 3, message[at:at + size]
        at += size
