#!/usr/bin/env python3
"""The workloads of engine-bench in LangGraph: langgraph_bench.py WORKLOAD STORE SIZE FOLDER

`prepare` makes a thread of SIZE checkpoints, `resume` goes on with it for one super-step, `three` runs three nodes once.

STORE is none (no checkpointer), sync, async or exit; the saver is SqliteSaver on FOLDER/langgraph.sqlite with
synchronous=FULL, as graphrun's store has it. Prints {"seconds": …}.
"""
import json, operator, os, sys, time
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.errors import GraphRecursionError
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send


def item(number):
    label = f"{number} "
    return label + "x" * (200 - len(label))


class Count(TypedDict):
    count: int


class Listed(TypedDict):
    count: int
    list: Annotated[list, operator.add]


class Talk(TypedDict):
    count: int
    list: Annotated[list, add_messages]


class Big(TypedDict):
    count: int
    big: str


class Fan(TypedDict):
    items: list
    total: Annotated[int, operator.add]
    count: int


def count(state):
    return {"count": state["count"] + 1}


def append(state):
    return {"count": state["count"] + 1, "list": [item(state["count"])]}


def talk(state):
    number = state["count"]
    return {"count": number + 1, "list": [{"role": "user", "id": str(number), "content": item(number)}]}


def loop(steps, schema, node):
    graph = StateGraph(schema)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_conditional_edges("node", lambda state: "node" if state["count"] < steps else END, ["node", END])
    return graph


def fan_out():
    graph = StateGraph(Fan)
    graph.add_node("split", count)
    graph.add_node("one", lambda _: {"total": 1})
    graph.add_node("join", count)
    graph.add_edge(START, "split")
    graph.add_conditional_edges("split", lambda state: [Send("one", item) for item in state["items"]], ["one"])
    graph.add_edge("one", "join")
    graph.add_edge("join", END)
    return graph


def three():
    graph = StateGraph(Count)
    for name in ("a", "b", "c"):
        graph.add_node(name, count)
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    graph.add_edge("b", "c")
    graph.add_edge("c", END)
    return graph


def workload(name, size):
    return {
        "loop": lambda: (loop(size, Count, count), {"count": 0}),
        "append": lambda: (loop(size, Listed, append), {"count": 0, "list": []}),
        "messages": lambda: (loop(size, Talk, talk), {"count": 0, "list": []}),
        "big-value": lambda: (loop(500, Big, count), {"count": 0, "big": "y" * size}),
        "fan-out": lambda: (fan_out(), {"items": list(range(size)), "total": 0, "count": 0}),
        "threads": lambda: (loop(10, Count, count), {"count": 0}),
        "three": lambda: (three(), {"count": 0}),
        "prepare": lambda: (loop(1_000_000, Count, count), {"count": 0}),
        "resume": lambda: (loop(1_000_000, Count, count), None),
    }[name]()


def invoke(app, given, thread, durability, steps=1_000_000):
    config = {"configurable": {"thread_id": thread}, "recursion_limit": steps}
    try:
        app.invoke(given, config, **({} if durability == "none" else {"durability": durability}))
    except GraphRecursionError:
        pass


def timed(name, graph, given, size, saver, durability):
    # What a process does once is left out, as in engine-bench.
    loop(2, Count, count).compile().invoke({"count": 0})
    app = graph.compile(checkpointer=saver)
    start = time.monotonic()
    if name == "threads":
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: invoke(app, given, f"t{number}", durability), range(size)))
    else:
        invoke(app, given, "t", durability, {"prepare": size, "resume": 1}.get(name, 1_000_000))
    return time.monotonic() - start


def main():
    name, durability, size, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    graph, given = workload(name, size)
    if durability == "none":
        seconds = timed(name, graph, given, size, None, durability)
    else:
        os.makedirs(folder, exist_ok=True)
        with SqliteSaver.from_conn_string(f"{folder}/langgraph.sqlite") as saver:
            saver.setup()
            saver.conn.execute("PRAGMA synchronous = FULL")
            seconds = timed(name, graph, given, size, saver, durability)
    print(json.dumps({"seconds": seconds}))


main()
