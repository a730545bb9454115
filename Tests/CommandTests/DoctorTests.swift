import Foundation
import Graph
import Subprocess
import SystemPackage
import Testing

/// `graphrun doctor` in processes of its own, on this machine and on the pictured one.
@Suite("Doctor", .serialized, .timeLimit(.minutes(3)))
struct DoctorTests {
  /// The lines of `--json`, by their check.
  private static func findings(_ outcome: Tool.Outcome) throws -> [String: JSON] {
    let lines = try outcome.lines()
    for line in lines {
      let keys = Set(try #require(line.objectValue).keys)
      #expect(keys.isSuperset(of: ["check", "ok"]) && keys.isSubset(of: ["check", "ok", "found", "remedy"]))
      #expect(line["ok"]?.boolValue != nil)
      if line["ok"] == false { #expect(line["remedy"]?.stringValue?.isEmpty == false, "\(line.text)") }
    }
    return Dictionary(lines.map { ($0["check"]?.stringValue ?? "", $0) }) { first, _ in first }
  }

  private static func withTool(_ files: [String: String] = [:], _ body: (Tool) async throws -> Void) async throws {
    let tool = try Tool(files)
    defer { tool.remove() }
    try await body(tool)
  }

  // MARK: - The machine and the store

  @Test func `without a graph it looks at the machine and the store, and what is merely missing is no failure`()
    async throws
  {
    try await Self.withTool { tool in
      let outcome = try await tool.call(["doctor", "--json"], environment: ["PATH": "/nowhere"])
      let found = try Self.findings(outcome)
      #expect(outcome.code == 0, "\(outcome.output)")
      for check in ["system", "user", "crash reports", "sqlite", "jq", "state", "store", "docker", "kubectl", "uvx"] {
        #expect(found[check] != nil, "\(check) is not looked at")
      }
      #expect(found["kubectl"]?["found"]?.stringValue?.contains("not installed") == true)
      #expect(found["kubectl"]?["remedy"] != nil)
      #expect(found["store"]?["found"]?.stringValue?.contains("none yet") == true)
      #expect(!FileManager.default.fileExists(atPath: tool.folder.appending(path: "state").path), "it made a store")
    }
  }

  @Test func `it names the SQLite in use and how the store lives with its bug`() async throws {
    try await Self.withTool { tool in
      let found = try Self.findings(try await tool("doctor", "--json"))
      let text = try #require(found["sqlite"]?["found"]?.stringValue)
      #expect(text.first?.isNumber == true && text.contains("WAL-reset bug"))
      if text.contains("has the WAL-reset bug") { #expect(text.contains("one lock")) }
      #expect(found["jq"]?["found"]?.stringValue?.contains("libjq 1.") == true)
    }
  }

  @Test func `a store is looked over, and with --verify row by row`() async throws {
    try await Self.withTool(CommandTests.files) { tool in
      #expect(try await tool("hello", "--thread", "t").code == 0)
      let quick = try Self.findings(try await tool("doctor", "--json"))
      #expect(quick["store"]?["found"]?.stringValue?.hasPrefix("1 thread, ") == true)
      #expect(quick["processes"]?["ok"] == true)
      let thorough = try Self.findings(try await tool("doctor", "--verify", "--json"))
      #expect(thorough["store"]?["found"]?.stringValue?.contains("every row is whole") == true)
    }
  }

  @Test func `a changed row is found by --verify, and the remedy can be typed`() async throws {
    try await Self.withTool(CommandTests.files) { tool in
      #expect(try await tool("hello", "--thread", "t").code == 0)
      let script =
        "import sqlite3; db = sqlite3.connect('state/graphrun.sqlite'); db.execute(\"UPDATE task SET result = '\\\"other\\\"'\"); db.commit()"
      let changed = try await Subprocess.run(
        .name("python3"), arguments: ["-c", script], workingDirectory: FilePath(tool.folder.path),
        output: .string(limit: 4096), error: .string(limit: 4096))
      try #require(changed.terminationStatus.isSuccess, "\(changed.standardError)")
      let outcome = try await tool("doctor", "--verify", "--json")
      #expect(outcome.code == 1)
      let store = try #require(try Self.findings(outcome)["store"])
      #expect(store["ok"] == false && store["found"]?.stringValue?.contains("task") == true)
      #expect(store["remedy"]?.stringValue?.contains("graphrun doctor --salvage") == true)
    }
  }

  @Test func `a file that is no database any more is told with the way to look further`() async throws {
    try await Self.withTool(CommandTests.files) { tool in
      #expect(try await tool("hello", "--thread", "t").code == 0)
      let file = tool.folder.appending(path: "state/graphrun.sqlite")
      var bytes = try Data(contentsOf: file)
      bytes.replaceSubrange(
        4096..<min(bytes.count, 40960), with: Data(repeating: 0xA5, count: min(bytes.count, 40960) - 4096))
      try bytes.write(to: file)
      let outcome = try await tool("doctor", "--json")
      #expect(outcome.code == 1)
      let store = try #require(try Self.findings(outcome)["store"])
      #expect(store["found"]?.stringValue?.hasPrefix("damaged: ") == true)
      #expect(store["remedy"]?.stringValue?.contains("doctor --verify") == true)
      let run = try await tool("hello", "--thread", "u")
      #expect(run.code == 5 && run.error.contains("graphrun doctor"), "\(run.error)")
    }
  }

  @Test func `a folder that is no place for a store fails the check`() async throws {
    try await Self.withTool(["file": "text"]) { tool in
      let outcome = try await tool("doctor", "--state", "file", "--json")
      #expect(outcome.code == 1)
      let state = try #require(try Self.findings(outcome)["state"])
      #expect(state["ok"] == false && state["remedy"]?.stringValue?.contains("--state") == true)
    }
  }

  @Test func `processes that a killed run left behind are found, and the remedy ends them`() async throws {
    let graph = """
      graph: left
      start: long
      nodes:
        long: { shell: 'echo begun; sleep 600', effects: repeatable }
      """
    try await Self.withTool(["left.graph": graph]) { tool in
      let killed = try await tool.call(["run", "left", "--thread", "t", "--json"], afterLines: 4) { kill($0, SIGKILL) }
      #expect(killed.code == nil)
      let outcome = try await tool("doctor", "--json")
      #expect(outcome.code == 1)
      let left = try #require(try Self.findings(outcome)["processes"])
      #expect(left["found"]?.stringValue?.contains("thread t has no runner") == true)
      #expect(left["remedy"] == "graphrun stop t")
      #expect(try await tool("stop", "t").code == 0)
      let after = try Self.findings(try await tool("doctor", "--json"))
      #expect(after["processes"]?["ok"] == true)
    }
  }

  // MARK: - A graph

  private static let needs = """
    graph: needs
    inputs:
      model: { type: string, default: "llama3.2:3b" }
    secrets: [NEEDS_TOKEN]
    env: [NEEDS_HINT]
    servers:
      docker: { command: uvx, args: [mcp-server-docker] }
    start: a
    nodes:
      a:
        shell: { argv: [helm, version], env: { T: "${{ $secrets.NEEDS_TOKEN }}" } }
        next: b
      b:
        shell:
          run: |
            # kubectl in a comment counts for nothing
            if true; then kubectl version --client; fi
            deploy() { echo "$1"; }
            deploy now | tee log
        next: c
      c: { llm: { model: "${{ .model }}", prompt: "Say yes." } }
    """

  private static func doctor(_ picture: Picture, _ arguments: String...) async throws -> (Tool.Outcome, [String: JSON])
  {
    try picture.tool.write(needs, to: "needs.graph")
    let outcome = try await picture.graphrun(["doctor", "needs.graph", "--json"] + arguments)
    return (outcome, try findings(outcome))
  }

  @Test func `with a graph it names everything that is missing at once, each with its remedy`() async throws {
    try await Picture.up { picture in
      try await picture("missing", "helm")
      try await picture("set", "docker.daemon=down")
      try await picture("ollama", "off")
      let (outcome, found) = try await Self.doctor(picture)
      #expect(outcome.code == 1)
      #expect(found["secret NEEDS_TOKEN"]?["remedy"] == "export NEEDS_TOKEN=…")
      #expect(found["env NEEDS_HINT"]?["ok"] == true)
      #expect(found["helm"]?["ok"] == false && found["helm"]?["found"]?.stringValue?.contains("a needs it") == true)
      #expect(found["kubectl"]?["ok"] == true)
      #expect(found["deploy"] == nil && found["true"] == nil && found["echo"] == nil)
      #expect(found["docker"]?["ok"] == false)
      #expect(found["docker"]?["remedy"]?.stringValue?.contains("systemctl start docker") == true)
      #expect(
        found["ollama"]?["ok"] == false && found["ollama"]?["remedy"]?.stringValue?.contains("ollama serve") == true)
      let server = try #require(found["server docker"])
      #expect(server["ok"] == false && server["remedy"]?.stringValue?.contains("docker") == true, "\(server.text)")
      #expect(picture.effects == [], "a check changes nothing")
    }
  }

  @Test func `with everything there all is well; a model that is not pulled is one command away`() async throws {
    try await Picture.up { picture in
      let (missing, found) = try await Self.doctor(picture, "--input", "model=nosuch")
      #expect(missing.code == 1)
      #expect(found["model nosuch"]?["remedy"] == "ollama pull nosuch")
      #expect(found["server docker"]?["found"]?.stringValue?.contains("tools, protocol") == true)
      try await picture("set", "models=[\"llama3.2:3b\"]")
      let whole = needsWithoutSecret
      try picture.tool.write(whole, to: "whole.graph")
      let outcome = try await picture.graphrun(["doctor", "whole.graph"])
      #expect(outcome.code == 0, "\(outcome.output)\(outcome.error)")
      #expect(outcome.output.hasSuffix("all is well\n"))
    }
  }

  private var needsWithoutSecret: String {
    Self.needs.replacing("secrets: [NEEDS_TOKEN]\n", with: "")
      .replacing(", env: { T: \"${{ $secrets.NEEDS_TOKEN }}\" }", with: "")
  }

  @Test func `tools that a graph names must be the server's, and patterns must be about some`() async throws {
    let graph = """
      graph: tools
      secrets: [STUB_TOKEN]
      servers:
        gone: { command: no-such-program-here }
        exits: { command: python3, args: ["\(ServerCommandTests.stub)", exit] }
        works: { command: python3, args: ["\(ServerCommandTests.stub)"] }
      start: a
      nodes:
        a: { mcp: { server: works, tool: eho, arguments: { text: x } } }
      """
    try await Self.withTool(["tools.graph": graph]) { tool in
      let outcome = try await tool.call(["doctor", "tools", "--json"], environment: ["STUB_TOKEN": "swordfish-4711"])
      #expect(outcome.code == 1)
      let found = try Self.findings(outcome)
      #expect(found["secret STUB_TOKEN"] == ["check": "secret STUB_TOKEN", "ok": true, "found": "set"])
      #expect(!outcome.output.contains("swordfish"))
      #expect(found["server gone"]?["remedy"]?.stringValue?.contains("no-such-program-here") == true)
      #expect(found["server exits"]?["found"]?.stringValue?.contains("exit code 3") == true)
      let misnamed = try #require(found["server works"]?["found"]?.stringValue)
      #expect(misnamed.contains("no tool \"eho\", which a calls") && misnamed.contains("did you mean \"echo\""))
    }
  }

  @Test(arguments: [
    ("doctor nothing-here", 2), ("doctor --input a=1", 2), ("doctor hello --input nam=1", 2), ("doctor hello", 0),
  ])
  func `wrong usage is told apart from a failed check`(line: String, code: Int) async throws {
    try await Self.withTool(CommandTests.files) { tool in
      let outcome = try await tool.call(line.split(separator: " ").map(String.init))
      #expect(outcome.code == code, "\(outcome.output)\(outcome.error)")
    }
  }
}
