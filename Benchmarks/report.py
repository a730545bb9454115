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
    """What tells the row from others of its table."""
    return ", ".join(
        str(value) for key, value in result.items()
        if key in ("size", "checkpoints") or isinstance(value, str) and key not in ("benchmark", "goal") and value != "-")


def table(results):
    columns = [key for key in dict.fromkeys(key for result in results for key in result) if key != "benchmark"]
    rows = [columns, ["---"] * len(columns)] + [[cell(result.get(key, "-")) for key in columns] for result in results]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cell(value):
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"
