"""Writes what a run of the benchmarks found as tables into a page, in place of what an earlier run found."""
from pathlib import Path

BEGIN, END = "<!-- measured: written by `make bench` -->", "<!-- measured: end -->"


def write(path, head, results):
    page = Path(path).read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    Path(path).write_text(f"{before}{BEGIN}\n{measured(head, results)}{END}{after}")


def measured(head, results):
    machine = head["machine"]
    text = (
        f"\nMeasured {head['date']} on {machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, "
        f"{machine['system']}.\n")
    for name in dict.fromkeys(result["benchmark"] for result in results):
        text += f"\n### {name}\n\n{table([result for result in results if result['benchmark'] == name])}"
    missed = [f"{result['benchmark']} ({about(result)})" for result in results if result.get("reached") is False]
    return text + f"\nNot reached: {'; '.join(missed) if missed else 'nothing'}.\n\n"


def about(result):
    return ", ".join(value for value in result.values() if isinstance(value, str) and value != result["benchmark"])


def table(results):
    columns = [key for key in results[0] if key != "benchmark"]
    rows = [columns, ["---"] * len(columns)] + [[cell(result[key]) for key in columns] for result in results]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cell(value):
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"
