#!/usr/bin/env python3
"""Helm's own library behind the few commands of helm that graphs use; HELM_KUBEAPISERVER leads to the cluster, -n or HELM_NAMESPACE to
the namespace.

  helm.py version · list -o json [--filter REGEX] · upgrade --install NAME CHART [-f VALUES.yaml]… [--wait --timeout 5m]
          status NAME -o json · history NAME -o json · get values NAME -o json · rollback NAME [REVISION] · uninstall NAME [--ignore-not-found]
          repo add|update … · pull REPOSITORY/CHART --destination FOLDER · show chart FILE
The repositories are pictured: any of them has the charts beside this file.
"""
import argparse, json, os, re, sys, tarfile

import helm_python

CHARTS = os.path.dirname(os.path.realpath(__file__))
VERBS = {"version": [], "list": [], "upgrade": ["name", "chart"], "status": ["name"], "history": ["name"], "get": ["what", "name"],
         "uninstall": ["name"], "rollback": ["name"], "repo": ["what"], "pull": ["chart"], "show": ["what", "chart"]}
IGNORED = ["--deployed", "--failed", "--pending", "--superseded", "--uninstalled", "--uninstalling", "--force-update"]


def parsed(argv):
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--namespace", "-n", default=argparse.SUPPRESS)
    for name in ("--kube-context", "--kubeconfig"):
        common.add_argument(name, default=argparse.SUPPRESS)
    parser = argparse.ArgumentParser(prog="helm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, parents=[common])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, words in VERBS.items():
        one = verbs.add_parser(verb, parents=[common])
        for word in words:
            one.add_argument(word)
        one.add_argument("rest", nargs="*")
        one.add_argument("--output", "-o")
        for option in ("--filter", "--template", "--timeout", "--version", "--destination"):
            one.add_argument(option)
        one.add_argument("--values", "-f", action="append", default=[])
        one.add_argument("--all-namespaces", "-A", action="store_true")
        for switch in ("--install", "--wait", "--ignore-not-found", *IGNORED):
            one.add_argument(switch, action="store_true")
    asked = parser.parse_args(argv)
    asked.namespace = getattr(asked, "namespace", os.environ.get("HELM_NAMESPACE", "default"))
    return asked


def upgrade(config, asked):
    values = {}
    for path in asked.values:
        with open(path) as file:
            text = file.read()
        if text.strip():
            values = merged(values, helm_python.values_from_yaml(text))
    there = config.list(all_states=True, name_filter=f"^{asked.name}$")
    if not there and not asked.install:
        sys.exit(f'Error: UPGRADE FAILED: "{asked.name}" has no deployed releases')
    if not there:
        print(f'Release "{asked.name}" does not exist. Installing it now.', file=sys.stderr)
    wait = {"wait": "watcher", "timeout": 60} if asked.wait else {}
    return (config.upgrade if there else config.install)(asked.chart, asked.name, values, namespace=asked.namespace, **wait)


def merged(old, new):
    return {**old, **{key: merged(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value for key, value in new.items()}}


def pull(asked):
    name = asked.chart.rpartition("/")[2]
    with tarfile.open(os.path.join(asked.destination or ".", f"{name}-{asked.version}.tgz"), "w:gz") as archive:
        archive.add(os.path.join(CHARTS, name), arcname=name)


def show(asked):
    with tarfile.open(asked.chart) as archive:
        print(archive.extractfile(next(name for name in archive.getnames() if name.endswith("/Chart.yaml"))).read().decode())


def row(release):
    """A release as the command prints it in a list."""
    return {"name": release["name"], "namespace": release["namespace"], "revision": str(release["revision"]), "updated": release["deployed_at"],
            "status": release["status"], "chart": f"{release['chart_name']}-{release['chart_version']}", "app_version": release.get("app_version", "")}


def status(config, name):
    found = config.status(name)
    return {"name": name, "info": {"first_deployed": config.history(name)[0]["deployed_at"], "status": found["status"]},
            "version": found["revision"], "namespace": found["namespace"]}


def run(asked):
    if asked.verb == "version":
        version = helm_python.helm_sdk_version()
        return sys.stdout.write(version if version.startswith("v") else "v" + version)
    if asked.verb in ("repo", "pull", "show"):
        return {"repo": lambda _: None, "pull": pull, "show": show}[asked.verb](asked)
    config = helm_python.Config(namespace="" if asked.all_namespaces else asked.namespace, kube_apiserver=os.environ["HELM_KUBEAPISERVER"])
    try:
        found = {
            "list": lambda: [row(found) for found in config.list(all_states=True, name_filter=asked.filter)], "upgrade": lambda: upgrade(config, asked),
            "status": lambda: status(config, asked.name),
            "history": lambda: [{**row(found), "revision": found["revision"]} for found in config.history(asked.name)],
            "get": lambda: config.get_values(asked.name), "uninstall": lambda: config.uninstall(asked.name, ignore_not_found=asked.ignore_not_found),
            "rollback": lambda: config.rollback(asked.name, int((asked.rest or [0])[0])),
        }[asked.verb]()
    finally:
        config.close()
    # Of what was done only how it ended: the whole would show the release's secrets.
    if asked.verb in ("upgrade", "uninstall", "rollback"):
        return print(f"NAME: {asked.name}\nSTATUS: {found.get('status', 'done') if isinstance(found, dict) else 'done'}")
    print(json.dumps(found, default=str, separators=(",", ":")))


try:
    run(parsed(sys.argv[1:]))
except helm_python.HelmError as error:
    sys.exit(f"Error: {error}")
