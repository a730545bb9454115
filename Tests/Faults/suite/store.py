"""The store as somebody else reads it: by sqlite3 and docs/store.md alone, sharing no code with the product."""
import base64, contextlib, copy, hashlib, json, os, shutil, sqlite3, struct, tempfile

FINISHED = {"done", "skipped", "cached"}


def key_of(thread, task):
    """A task's idempotency key."""
    due = str(task["due"]) + (f"+{task['due_offset']}" if task["due_offset"] else "")
    parts = [thread, task["namespace"], due, task["node"], str(task["idx"]), ""]
    digest = hashlib.sha256(b"".join(b"%d:%s" % (len(part.encode()), part.encode()) for part in parts)).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def checksum(table, columns, more=()):
    """SHA-256 over the columns, each framed by its type and length."""
    digest = hashlib.sha256()

    def text(value):
        value = value.encode() if isinstance(value, str) else value
        digest.update(b"\1" + struct.pack("<Q", len(value)) + value)

    text(table)
    for value in columns:
        if value is None:
            digest.update(b"\4" + bytes(8))
        elif isinstance(value, int):
            digest.update(b"\2" + struct.pack("<q", value))
        elif isinstance(value, float):
            digest.update(b"\3" + struct.pack("<d", value))
        else:
            text(value)
    for value in more:
        text(value)
    return digest.hexdigest()


def merge(left, right):
    for name, value in right.items():
        if isinstance(value, dict) and isinstance(left.get(name), dict):
            merge(left[name], value)
        else:
            left[name] = value


def apply(delta, state):
    """Makes one stored change of a channel in `state`."""
    name = delta["channel"]
    if "set" in delta:
        state[name] = delta["set"]
    elif "unset" in delta:
        state.pop(name, None)
    elif "append" in delta:
        state[name] = state.get(name, []) + delta["append"]
    elif "merge" in delta:
        state[name] = copy.deepcopy(state.get(name, {}))
        for value in delta["merge"]:
            merge(state[name], value)
    else:
        items = list(state.get(name, []))
        for edit in delta["edit"]:
            if "append" in edit:
                items.append(edit["append"])
            elif "put" in edit:
                items[edit["at"]] = edit["put"]
            elif "remove" in edit:
                del items[edit["remove"]]
            else:
                items = []
        state[name] = items


class Store:
    """A look at a copy of the database and its log, so that looking changes nothing.

    Where other processes are writing (`is_live`) SQLite copies: of two files copied one after the other, the log may be newer."""

    TABLES = ("thread", "graph", "task", "note", "output", "service", "cache", "gap")

    def __init__(self, folder, is_live=False):
        self.threads, self.checkpoints, self.tasks, self.notes, self.gaps = {}, {}, {}, [], {}
        self.problems = []
        self.is_there = os.path.exists(os.path.join(folder, "graphrun.sqlite"))
        if not self.is_there:
            return
        with tempfile.TemporaryDirectory(prefix="look-", dir=os.path.dirname(folder)) as place:
            database = sqlite3.connect(self._copied(folder, place, is_live))
            database.row_factory = sqlite3.Row
            database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            try:
                self._read(database)
            except (sqlite3.Error, ValueError, KeyError) as error:
                self.problems.append(f"I1 cannot be read: {error!r}")
            finally:
                database.close()

    @staticmethod
    def _copied(folder, place, is_live):
        taken = os.path.join(place, "graphrun.sqlite")
        if is_live:
            with contextlib.closing(sqlite3.connect(f"file:{folder}/graphrun.sqlite?mode=ro", uri=True, timeout=60)) as source:
                with contextlib.closing(sqlite3.connect(taken)) as target:
                    source.backup(target)
            return taken
        for end in ("", "-wal", "-journal"):
            if os.path.exists(source := os.path.join(folder, "graphrun.sqlite" + end)):
                shutil.copy(source, taken + end)
        return taken

    def _read(self, database):
        found = [row[0] for row in database.execute("PRAGMA integrity_check")]
        if found != ["ok"]:
            self.problems.append(f"I1 integrity_check: {found[:3]}")
        broken = database.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            self.problems.append(f"I1 foreign_key_check: {len(broken)} rows")
        known = {row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        self.is_there = "thread" in known
        if not self.is_there:
            if known:
                self.problems.append(f"I1 half a schema: {sorted(known)}")
            return
        for table in self.TABLES:
            rows = [dict(row) for row in database.execute(f"SELECT * FROM {table}")]
            self._sums(table, rows)
            if table == "thread":
                self.threads = {row["id"]: row for row in rows}
            elif table == "note":
                self.notes = rows
            elif table == "gap":
                for row in rows:
                    gone = self.gaps.setdefault((row["thread"], row["namespace"]), set())
                    gone |= set(range(row["first"], row["last"] + 1))
            elif table == "task":
                for row in rows:
                    self.tasks.setdefault((row["thread"], row["namespace"], row["checkpoint"]), []).append(row)
        for tasks in self.tasks.values():
            tasks.sort(key=lambda row: (row["ordinal"], row["node"], row["idx"], row["due"], row["due_offset"]))
        for row in map(dict, database.execute("SELECT * FROM checkpoint ORDER BY number")):
            self.checkpoints.setdefault((row["thread"], row["namespace"]), {})[row["number"]] = row
        self._lines()
        self._heads()

    def _sums(self, table, rows):
        for row in rows:
            apart = ("checksum", "serial") + (("fence", "commits") if table == "thread" else ())
            columns = [value for name, value in row.items() if name not in apart]
            if checksum(table, columns) != row["checksum"]:
                self.problems.append(f"I1 checksum of a row of {table}: {str(columns)[:80]}")

    def _lines(self):
        """I6: dense unique numbers (the primary key keeps them unique), parents below, one line of checksums."""
        for (thread, namespace), line in self.checkpoints.items():
            place = f"{thread} {namespace}".strip()
            gone = self.gaps.get((thread, namespace), set())
            if not namespace and (set(line) & gone or set(line) | gone != set(range(1, max(line) + 1))):
                self.problems.append(f"I6 {place}: numbers {sorted(line)}, gone {sorted(gone)}")
            for number, row in line.items():
                parent = line.get(row["parent"])
                is_root = parent is None and row["parent"] in gone and row["snapshot"] is not None
                if row["parent"] is not None and not is_root and (parent is None or row["parent"] >= number):
                    self.problems.append(f"I6 {place}: checkpoint {number} has no parent {row['parent']}")
                if parent and parent["checksum"] != row["parent_checksum"]:
                    self.problems.append(f"I6 {place}: checkpoint {number} grew from another {row['parent']}")
                if parent and row["source"] == "step" and row["step"] != parent["step"] + 1 \
                        and self.threads.get(thread, {}).get("durability") != "exit":
                    self.problems.append(f"I6 {place}: step {row['step']} after {parent['step']}")
                tasks = self.tasks.get((thread, namespace, row["parent"]), []) if row["source"] == "step" else []
                order = ("number", "parent", "step", "source", "created", "parent_checksum", "agenda", "deltas")
                columns = [thread, namespace] + [row[name] for name in order]
                if checksum("checkpoint", columns, [task["checksum"] for task in tasks]) != row["checksum"]:
                    self.problems.append(f"I1 checksum of {place} checkpoint {number}")
                base = [row[name] for name in ("checksum", "base", "base_bytes", "line_bytes", "snapshot")]
                if checksum("base", base) != row["base_checksum"]:
                    self.problems.append(f"I1 base checksum of {place} checkpoint {number}")
                if row["snapshot"] is not None and parent:
                    if json.loads(row["snapshot"]) != self.values(thread, number, namespace, use_snapshot=False):
                        self.problems.append(f"I1 snapshot of {place} checkpoint {number} is not what its changes give")

    def _heads(self):
        """I6 and I7: the head is the newest checkpoint, and a status says what is due."""
        for thread, header in self.threads.items():
            line = self.checkpoints.get((thread, ""), {})
            newest = max(line, default=0)
            if header["head"] != newest:
                self.problems.append(f"I6 {thread}: head {header['head']}, newest {newest}")
                continue
            if not newest:
                self.problems.append(f"I7 {thread}: no checkpoint")
                continue
            due = json.loads(line[newest]["agenda"])["due"]
            if header["status"] == "done" and due:
                self.problems.append(f"I7 {thread}: done with {len(due)} tasks due")
            if header["status"] != "done" and not due:
                self.problems.append(f"I7 {thread}: {header['status']} with nothing due")
            if header["status"] != "done" and not json.loads(header["next"]):
                rest = [task for task in self.tasks.get((thread, "", newest), []) if task["status"] not in FINISHED]
                if rest or len(self.tasks.get((thread, "", newest), [])) < len(due):
                    self.problems.append(f"I7 {thread}: {header['status']} and shows nothing next")

    def values(self, thread, number=None, namespace="", use_snapshot=True):
        """The state of a checkpoint, folded from what is stored."""
        line = self.checkpoints[thread, namespace]
        number = number or max(line)
        path = []
        while number is not None:
            row = line[number]
            path.append(row)
            if use_snapshot and row["snapshot"] is not None:
                break
            number = row["parent"] if row["parent"] in line else None
        state = {}
        for row in reversed(path):
            if row["snapshot"] is not None and (use_snapshot or row["parent"] not in line):
                state = json.loads(row["snapshot"])
            else:
                for delta in json.loads(row["deltas"]):
                    apply(delta, state)
        return state

    def all_tasks(self, thread):
        return [task for (owner, _, _), tasks in self.tasks.items() if owner == thread for task in tasks]

    def find(self, thread, event):
        """The row of the task that an event is about."""
        namespace = event.get("namespace", "")
        rows = [row for row in self.all_tasks(thread) if row["node"] == event["node"] and row["namespace"] == namespace]
        label = event.get("task", event["node"])
        index = int(label.rsplit("[", 1)[1][:-1]) if label.endswith("]") else None
        line = self.checkpoints.get((thread, namespace), {})
        return [row for row in rows if (index is None or row["idx"] == index)
                and line.get(row["checkpoint"], {}).get("step", -1) + 1 == event["step"]]
