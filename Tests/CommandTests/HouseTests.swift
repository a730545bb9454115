import Foundation
import Graph
import Testing

/// What keeps a store in order, by command line.
@Suite("House-keeping commands")
struct HouseTests {
  static let files = [
    "steps.graph": """
    graph: steps
    inputs: { topic: { type: string, default: bees } }
    state: { log: { reduce: append } }
    start: one
    nodes:
      one: { shell: 'echo one >> effects.txt', save: { log: '"one"' }, next: two }
      two: { shell: 'echo two >> effects.txt', save: { log: '"two " + .topic' }, next: three }
      three: { set: { log: '"three"' } }
    """
  ]

  private func lines(_ tool: Tool, _ arguments: String...) async throws -> [JSON] {
    let outcome = try await tool.call(arguments + ["--json"])
    #expect(outcome.code == 0, "\(arguments): \(outcome.error)")
    return try outcome.lines()
  }

  // MARK: fork, breakpoints

  @Test func `a fork as a new thread is told, refused where the name is taken, and goes on by itself`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "steps", "--thread", "t").code == 0)
    let fork = try await lines(tool, "fork", "t@2", "--thread", "u", "--set", "topic=ants").first
    #expect(fork == ["thread": "u", "checkpoint": 3, "parent": 2, "step": 2, "next": ["two"]])
    let taken = try await tool("fork", "t@2", "--thread", "u")
    #expect(taken.code == 2 && taken.error.contains("thread \"u\" exists already"))
    #expect(try await tool("resume", "u").code == 0)
    #expect(tool.read("effects.txt") == "one\ntwo\ntwo\n")
    #expect(try await lines(tool, "show", "u").first?["values"]?["log"] == ["one", "two ants", "three"])
    #expect(try await lines(tool, "show", "t").first?["values"]?["log"] == ["one", "two bees", "three"])
    #expect(try await lines(tool, "show", "t").first?["checkpoint"] == 4)
  }

  @Test func `a finished step is run again from the checkpoint before it, and what follows from it`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "steps", "--thread", "t").code == 0)
    #expect(try await tool("resume", "t", "--from", "2").code == 0)
    #expect(tool.read("effects.txt") == "one\ntwo\ntwo\n")
    let history = try await lines(tool, "history", "t")
    #expect(history.map { $0["checkpoint"] } == [7, 6, 5, 4, 3, 2, 1])
    #expect(history.map { $0["parent"] ?? "none" } == [6, 5, 2, 3, 2, 1, JSON.null])
  }

  @Test func `breakpoints stop with exit code 0, and the next resume goes on`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let first = try await lines(
      tool, "run", "steps", "--thread", "t", "--break-before", "two", "--break-after", "two"
    ).last
    #expect(first?["status"] == "stopped" && first?["next"] == ["two"])
    #expect(tool.read("effects.txt") == "one\n")
    let second = try await lines(tool, "resume", "t", "--break-before", "two", "--break-after", "two").last
    #expect(second?["status"] == "stopped" && second?["next"] == ["three"])
    #expect(try await tool("resume").code == 0)
    let unknown = try await tool("run", "steps", "--break-before", "nowhere")
    #expect(unknown.code == 2 && unknown.error.contains("no node \"nowhere\""))
  }

  // MARK: delete, prune, cache

  static let secret = "the-quick-brown-fox-is-what-nobody-may-find"

  @Test func `a deleted thread leaves no bytes in the store's files`() async throws {
    var files = Self.files
    files["tell.graph"] = """
      graph: tell
      inputs: { what: { type: string } }
      state: { said: { reduce: append } }
      start: say
      nodes:
        say: { shell: { run: 'echo "$WHAT"', env: { WHAT: "${{ .what }}" } }, save: { said: $result.stdout }, next: again }
        again: { set: { said: .what + .what } }
      """
    let tool = try Tool(files)
    defer { tool.remove() }
    #expect(try await tool("run", "steps", "--thread", "kept").code == 0)
    for _ in 0..<3 {
      #expect(try await tool("run", "tell", "--thread", "t", "--input", "what=\(Self.secret)").code == 0)
    }
    #expect(try await bytes(of: tool).contains(Self.secret))
    #expect(try await lines(tool, "delete", "t") == [["thread": "t", "status": "deleted"]])
    #expect(try await !bytes(of: tool).contains(Self.secret))
    #expect(try await lines(tool, "threads").map { $0["thread"] } == ["kept"])
    #expect(try await tool("show", "t").code == 2)
    #expect(try await tool("delete", "t").code == 2)
    #expect(try await tool("doctor", "--verify").output.contains("every row is whole"))
  }

  private func bytes(of tool: Tool) async throws -> String {
    ["graphrun.sqlite", "graphrun.sqlite-wal"].map { name in
      let data = FileManager.default.contents(atPath: tool.folder.appending(path: "state/\(name)").path) ?? Data()
      return String(decoding: data, as: UTF8.self)
    }.joined()
  }

  @Test func `a thread that runs is not deleted, and its service ends with it once it has stopped`() async throws {
    let tool = try Tool([
      "serve.graph": """
      graph: serve
      start: up
      nodes:
        up:
          shell:
            run: echo $$ > pid; exec sleep 300
            detach: { ready: test -s pid, every: 20ms, stop: never }
          next: wait
        wait: { shell: 'echo waiting; test -e go || sleep 300' }
      """
    ])
    defer { tool.remove() }
    let run = try await tool.call(["run", "serve", "--thread", "t", "--json"], afterLines: 6) { pid in
      let refused = try await tool("delete", "t")
      #expect(refused.code == 4)
      kill(pid, SIGINT)
      kill(pid, SIGINT)
    }
    #expect(run.code == 130)
    let service = try #require(pid_t(tool.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(Tool.isAlive(service))
    #expect(try await tool("delete", "t").code == 0)
    #expect(!Tool.isAlive(service))
    #expect(try await lines(tool, "threads") == [])
  }

  @Test func `pruning needs to be told what may go`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "steps", "--thread", "t").code == 0)
    let bare = try await tool("prune")
    #expect(bare.code == 2 && bare.error.contains("--keep N"))
    #expect(try await tool("prune", "--keep", "0").code == 2)
    #expect(try await tool("prune", "nobody", "--finished").code == 2)
    #expect(try await lines(tool, "prune", "--older-than", "1d").first?["checkpoints"] == 0)
  }

  @Test func `what is pruned is gone, told to be, and given back to the disk; what stays is whole`() async throws {
    let tool = try Tool([
      "grow.graph": """
      graph: grow
      state: { n: { reduce: sum }, text: { default: "" } }
      start: a
      nodes:
        a:
          set: { n: 1, text: '"0123456789" * 10000' }
          next: b
        b:
          set: { text: '"x" + (.n | tostring)' }
          next: [{ when: .n < 20, to: a }, { to: end }]
      """,
      "ask.graph": CommandTests.files["ask.graph"] ?? "",
    ])
    defer { tool.remove() }
    #expect(try await tool("run", "grow", "--thread", "t").code == 0)
    #expect(try await tool("run", "ask", "--thread", "open").code == 3)
    #expect(try await tool("fork", "t@5", "--thread", "u").code == 0)
    let report = try await lines(tool, "prune", "--keep", "2").first
    // 41 checkpoints: the two newest stay, and the one another thread was forked from.
    #expect(report?["threads"] == 1 && report?["checkpoints"] == 38)
    #expect(try #require(report?["bytes"]?.intValue) > 1_000_000)
    #expect(try await lines(tool, "history", "t").map { $0["checkpoint"] } == [41, 40, 5])
    #expect(try await lines(tool, "history", "open").count == 1)
    #expect(try await lines(tool, "history", "u").count == 6)
    let gone = try await tool("show", "t@7")
    #expect(gone.code == 2 && gone.error.contains("no longer has checkpoint 7: pruned"))
    #expect(try await tool("diff", "t@7", "t@41").code == 2)
    #expect(try await tool("history", "t").output.contains("without 1 to 4: pruned"))
    #expect(try await lines(tool, "show", "t@40").first?["values"]?["n"] == 20)
    #expect(try await tool("doctor", "--verify").output.contains("every row is whole"))
    #expect(try await tool("fork", "t@40", "--set", "n=-1").code == 0)
    #expect(try await tool("resume", "t").code == 0)
    #expect(try await tool("doctor", "--verify").output.contains("every row is whole"))
  }

  @Test func `a checkpoint that a branch was forked from stays as long as the branch`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "steps", "--thread", "t").code == 0)
    #expect(try await tool("resume", "t", "--from", "2").code == 0)
    #expect(try await lines(tool, "prune", "--keep", "3").first?["checkpoints"] == 3)
    #expect(try await lines(tool, "history", "t").map { $0["checkpoint"] } == [7, 6, 5, 2])
    #expect(try await lines(tool, "prune", "--finished").first?["checkpoints"] == 3)
    #expect(try await lines(tool, "history", "t").map { $0["checkpoint"] } == [7])
    #expect(try await lines(tool, "show", "t").first?["values"]?["log"] == ["one", "two bees", "three"])
  }

  @Test func `a cached result does not run the node again, until it expires or is forgotten`() async throws {
    let tool = try Tool([
      "cached.graph": """
      graph: cached
      inputs: { x: { type: number } }
      state: { out: {} }
      secrets: [TOKEN]
      start: work
      nodes:
        work:
          shell: { run: 'echo ran >> effects.txt; echo "$X $TOKEN"', env: { X: "${{ .x }}", TOKEN: "${{ $secrets.TOKEN }}" } }
          cache: { key: '"v1"' }
          save: { out: $result.stdout }
      """,
      "brief.graph": """
      graph: brief
      start: work
      nodes:
        work: { shell: 'echo ran >> brief.txt', cache: { ttl: 1ms } }
      """,
    ])
    defer { tool.remove() }
    let secret = ["TOKEN": "sesame-open-1234"]
    func run(_ x: Int) async throws -> JSON? {
      let outcome = try await tool.call(
        ["run", "cached", "--input", "x=\(x)", "--json"], environment: secret)
      return try outcome.lines().first { $0["event"] == "task-end" }?["status"]
    }
    #expect(try await run(1) == "done")
    #expect(try await run(1) == "cached")
    #expect(try await run(2) == "done")
    #expect(tool.read("effects.txt") == "ran\nran\n")
    #expect(try await !bytes(of: tool).contains("sesame"))
    #expect(try await lines(tool, "cache", "clear", "--node", "other") == [["results": 0]])
    #expect(try await run(2) == "cached")
    #expect(try await lines(tool, "cache", "clear", "--node", "work") == [["results": 2]])
    #expect(try await run(2) == "done")
    for _ in 0..<2 { #expect(try await tool("run", "brief").code == 0) }
    #expect(tool.read("brief.txt") == "ran\nran\n")
  }

  // MARK: export, import

  @Test func `an exported thread is the same elsewhere, and goes on there`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "steps", "--thread", "t", "--break-before", "two").code == 0)
    #expect(try await lines(tool, "export", "t", "--output", "t.jsonl").first?["file"] == "t.jsonl")
    #expect(try await tool("export", "t").output == tool.read("t.jsonl"))
    let mode = try FileManager.default.attributesOfItem(atPath: tool.folder.appending(path: "t.jsonl").path)
    #expect(mode[.posixPermissions] as? Int == 0o600)
    let taken = try await tool("import", "t.jsonl")
    #expect(taken.code == 2 && taken.error.contains("exists already"))
    #expect(try await lines(tool, "import", "t.jsonl", "--thread", "u").first?["status"] == "stopped")
    #expect(try await lines(tool, "import", "t.jsonl", "--state", "other").first?["thread"] == "t")
    #expect(try await tool("export", "t", "--state", "other").output == tool.read("t.jsonl"))
    #expect(try await tool("resume", "t", "--state", "other").code == 0)
    #expect(
      try await lines(tool, "show", "t", "--state", "other").first?["values"]?["log"] == ["one", "two bees", "three"])
    #expect(try await tool("fork", "u@1").code == 0)
    #expect(try await tool("doctor", "--verify", "--state", "other").output.contains("every row is whole"))
  }

  @Test func `numbers come through exactly`() async throws {
    let tool = try Tool([
      "keep.graph": "graph: keep\nstate: { x: {} }\ninputs: { v: {} }\nstart: s\nnodes: { s: { set: { x: .v } } }"
    ])
    defer { tool.remove() }
    let value = "[9007199254740993,-0,1e-300,0.1,5e-324,1.7976931348623157e308,-9223372036854775808]"
    #expect(try await tool("run", "keep", "--thread", "t", "--input", "v=\(value)").code == 0)
    try tool.write(try await tool("export", "t").output, to: "t.jsonl")
    #expect(try await tool("import", "t.jsonl", "--thread", "u").code == 0)
    let (before, after) = (try await lines(tool, "show", "t").first, try await lines(tool, "show", "u").first)
    #expect(before?["values"]?["x"]?.text == after?["values"]?["x"]?.text)
    #expect(try after?["values"]?["x"] == JSON(parsing: value))
  }

  @Test func `a file that is not what was exported is refused with its place, and nothing is made`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "steps", "--thread", "t").code == 0)
    let text = try await tool("export", "t").output
    let lines = text.split(separator: "\n").map(String.init)
    let cases: [(String, String)] = [
      (text.replacing("two bees", with: "two wasps"), "x.jsonl:\(lines.count): the checksum is wrong"),
      (lines.dropLast().joined(separator: "\n") + "\n", "the export ends in the middle"),
      (text.replacing("\"version\":1", with: "\"version\":2"), "x.jsonl:1: written by a newer graphrun"),
      ("", "x.jsonl:1: there is no thread in it"), ("graph: steps\n", "x.jsonl:1: this is no thread"),
      ("{}\n", "x.jsonl:1: this is no thread; name a file"),
      (lines[0] + "\n{\"task\":{}}\n", "x.jsonl:2: task: node is missing"),
    ]
    for (text, message) in cases {
      try tool.write(text, to: "x.jsonl")
      let refused = try await tool("import", "x.jsonl", "--state", "other")
      #expect(refused.code == 2, "\(message): \(refused.output)\(refused.error)")
      #expect(refused.error.contains(message), "\(refused.error)")
    }
    #expect(try await tool("threads", "--state", "other").output == "")
    #expect(try await tool("import", "nowhere.jsonl").code == 2)
    #expect(try await tool("import", ".").code == 2)
  }
}
