"""From a trace, the disks that a machine could wake up with after its power went at any moment.

What was written to a file stays for certain once the file was synced; a new, removed or renamed name once its folder was.
Until then each write may be kept, lost, or kept in some of its 512-byte sectors, and each name be there or not. The
changes of one name keep their order. Sectors are whole."""
import collections, os, random, struct

Record = collections.namedtuple("Record", "letter number offset watched also path data")
SECTOR = 512


def read_trace(path):
    records, place = [], 0
    if not os.path.exists(path):
        return records
    with open(path, "rb") as file:
        raw = file.read()
    while place + 48 <= len(raw) and raw[place:place + 3] == b"FT1":
        number, offset, length, watched, also, name = struct.unpack_from("<QQQQQI", raw, place + 4)
        name_end = place + 48 + name
        end = name_end + length
        if end > len(raw):
            break
        records.append(Record(chr(raw[place + 3]), number, offset, watched, also,
                              raw[place + 48:name_end].decode("utf-8", "surrogateescape"), raw[name_end:end]))
        place = end
    return records


def sized(content, size):
    return content[:size] if len(content) >= size else content + bytes(size - len(content))


def changed(content, record, data=None, offset=None):
    """The content after one write, truncation or allocation."""
    if record.letter == "t":
        return sized(content, record.offset)
    if record.letter == "a":
        return sized(content, max(record.offset, len(content)))
    data = record.data if data is None else data
    offset = record.offset if offset is None else offset
    content = bytearray(sized(content, max(len(content), offset + len(data))))
    content[offset:offset + len(data)] = data
    return bytes(content)


class File:
    def __init__(self):
        self.certain = b""
        self.open = []          # changes since the last sync

    def sync(self):
        self.certain, self.open = self.content("kept", None), []

    def content(self, mode, chance):
        content = self.certain
        for record in self.open if mode != "lost" else []:
            fate = 0 if mode == "kept" else chance.randrange(4)
            if fate < 2:
                content = changed(content, record)
            elif fate == 2 and record.letter == "w":
                content = self._torn(content, record, chance)
        return content

    def _torn(self, content, record, chance):
        place = 0
        while place < len(record.data):
            end = min(len(record.data), place + SECTOR - (record.offset + place) % SECTOR)
            if chance.random() < 0.5:
                content = changed(content, record, record.data[place:end], record.offset + place)
            place = end
        return content


class Disk:
    """Follows the records of a trace and gives disks that fit what happened so far."""

    def __init__(self):
        self.files, self.certain = {}, {}    # by path: as the program sees it, and for certain; a folder is None
        self.names = []                      # changes of names that are not certain: (path, what it becomes)

    def follow(self, record):
        letter, path = record.letter, record.path
        if letter in "wta" and path not in self.files:
            self._name(path, File())
        if letter in "wta":
            self.files[path].open.append(record)
        elif letter == "s" and self.files.get(path):
            self.files[path].sync()
        elif letter == "c":
            self._name(path, File())
        elif letter == "m":
            self._name(path, None)
        elif letter == "u":
            self._forget(path)
        elif letter == "r":
            file = self.files.get(path)
            self._forget(path)
            self._name(record.data.decode("utf-8", "surrogateescape"), file)
        elif letter == "d":
            rest = [(name, file) for name, file in self.names if os.path.dirname(name) != path]
            for name, file in self.names:
                if os.path.dirname(name) == path:
                    self._put(self.certain, name, file)
            self.names = rest

    def _name(self, path, file):
        self.files[path] = file
        self.names.append((path, file))

    def _forget(self, path):
        self.files.pop(path, None)
        self.names.append((path, False))

    @staticmethod
    def _put(names, path, file):
        if file is False:
            names.pop(path, None)
        else:
            names[path] = file

    def image(self, mode, seed):
        """Path to content, None for a folder; what lies in a folder that is not there is not there."""
        chance = random.Random(seed)
        names, stuck = dict(self.certain), set()
        for path, file in self.names if mode != "lost" else []:
            if mode == "kept" or (path not in stuck and chance.random() < 0.5):
                self._put(names, path, file)
            else:
                stuck.add(path)
        image = {}
        for path, file in sorted(names.items()):
            parent = os.path.dirname(path)
            if parent in self.files and self.files[parent] is None and parent not in image:
                continue
            image[path] = None if file is None else file.content(mode, chance)
        return image
