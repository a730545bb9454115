#!/usr/bin/env python3
"""Helm's own library behind the few commands of helm that graphs use; HELM_KUBEAPISERVER and HELM_NAMESPACE lead to the cluster.

  helm.py version · list -o json [--filter REGEX] · upgrade --install NAME CHART [-f VALUES.yaml] [--wait]
          status NAME -o json · history NAME -o json · get values NAME -o json · uninstall NAME [--ignore-not-found]
"""
import argparse, json, os, sys

import helm_python


def parsed(argv):
    parser = argparse.ArgumentParser(prog="helm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--namespace", "-n", default=os.environ.get("HELM_NAMESPACE", "default"))
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, words in (("version", []), ("list", []), ("upgrade", ["name", "chart"]), ("status", ["name"]), ("history", ["name"]),
                        ("get", ["what", "name"]), ("uninstall", ["name"])):
        one = verbs.add_parser(verb)
        for word in words:
            one.add_argument(word)
        one.add_argument("--output", "-o")
        one.add_argument("--filter")
        one.add_argument("--values", "-f")
        for switch in ("--install", "--wait", "--ignore-not-found"):
            one.add_argument(switch, action="store_true")
    return parser.parse_args(argv)


def upgrade(config, asked):
    values = {}
    if asked.values:
        with open(asked.values) as file:
            values = helm_python.values_from_yaml(file.read())
    there = config.list(all_states=True, name_filter=f"^{asked.name}$")
    if not there and not asked.install:
        sys.exit(f'Error: UPGRADE FAILED: "{asked.name}" has no deployed releases')
    wait = {"wait": "watcher", "timeout": 60} if asked.wait else {}
    return (config.upgrade if there else config.install)(asked.chart, asked.name, values, namespace=asked.namespace, **wait)


def run(asked):
    if asked.verb == "version":
        return print(helm_python.helm_sdk_version())
    config = helm_python.Config(namespace=asked.namespace, kube_apiserver=os.environ["HELM_KUBEAPISERVER"])
    try:
        found = {
            "list": lambda: config.list(all_states=True, name_filter=asked.filter), "upgrade": lambda: upgrade(config, asked),
            "status": lambda: config.status(asked.name), "history": lambda: config.history(asked.name),
            "get": lambda: config.get_values(asked.name), "uninstall": lambda: config.uninstall(asked.name, ignore_not_found=asked.ignore_not_found),
        }[asked.verb]()
    finally:
        config.close()
    print(json.dumps(found, default=str))


try:
    run(parsed(sys.argv[1:]))
except helm_python.HelmError as error:
    sys.exit(f"Error: {error}")
