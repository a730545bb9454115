import Foundation
import OrderedCollections
import Testing

@testable import Graph

@Suite("Graphs that include others")
final class InclusionTests {
  let folder = NSTemporaryDirectory() + "graphrun-inclusion-\(UUID().uuidString)"

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  static func graph(_ name: String, _ node: String = "set: { x: 1 }", inputs: String = "{}") -> String {
    "graph: \(name)\ninputs: \(inputs)\nstate: { x: {} }\nstart: a\nnodes:\n  a: { \(node) }\n"
  }

  /// Writes `files` and reads `main.graph` of them.
  func read(_ files: [String: String]) throws -> Reading {
    for (name, text) in files {
      let file = URL(fileURLWithPath: "\(folder)/\(name)")
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: false, encoding: .utf8)
    }
    return try GraphReader().read(contentsOf: "\(folder)/main.graph")
  }

  func problems(_ files: [String: String]) throws -> [String] {
    try read(files).problems.map { $0.description(in: "main.graph") }
  }

  @Test func `are read with their files, relative to each, and keep their texts`() throws {
    let deep = Self.graph("deep")
    let middle = Self.graph("middle", "graph: more/deep.graph")
    let reading = try read([
      "main.graph": Self.graph("main", "graph: { file: sub/middle.graph }"), "sub/middle.graph": middle,
      "sub/more/deep.graph": deep,
    ])
    let graph = try #require(reading.graph)
    #expect(reading.problems == [])
    #expect(graph.withSubgraphs.map(\.name) == ["main", "middle", "deep"])
    #expect(graph.source?.files == ["sub/middle.graph": middle, "sub/more/deep.graph": deep])
    let inner = try #require(graph.nodes["a"].flatMap(graph.subgraph))
    #expect(inner.source?.path == "\(folder)/sub/middle.graph")
    #expect(inner.source?.files == ["more/deep.graph": deep])
  }

  @Test func `are read from what a thread keeps without the files`() throws {
    let files = ["sub/other.graph": Self.graph("other")]
    let text = Self.graph("main", "graph: sub/other.graph")
    #expect(GraphReader().read(text, path: "/nowhere/main.graph", files: files).graph?.subgraphs.count == 1)
    let missing = GraphReader().read(text, path: "/nowhere/main.graph", files: [:])
    #expect(missing.problems.map(\.message) == [#"the graph "sub/other.graph" is not kept with the thread"#])
  }

  @Test func `all their mistakes are said at once, each with its file`() throws {
    let found = try problems([
      "main.graph": Self.graph("main", "graph: sub/other.graph, next: nobody"),
      "sub/other.graph": Self.graph("other", "set: { y: 1 }"),
    ])
    #expect(
      found == [
        "main.graph:6:38: error: no node is named \"nobody\" (known: a)",
        "sub/other.graph:6:15: error: no channel is named \"y\" (known: x)",
      ])
  }

  @Test func `are given the inputs they take`() throws {
    let node = "graph: { file: other.graph, inputs: { cuont: 1, size: big } }"
    let inputs =
      "{ count: { type: integer }, size: { type: integer }, free: { default: 1 }, list: { reduce: append, default: [] } }"
    let found = try problems([
      "main.graph": Self.graph("main", node), "other.graph": Self.graph("other", inputs: inputs),
    ])
    #expect(
      found == [
        "main.graph:6:15: error: \"other\" needs the input \"count\" (give it under \"inputs\")",
        "main.graph:6:46: error: \"other\" has no input \"cuont\" (did you mean \"count\"?)",
        "main.graph:6:62: error: the input \"size\" does not fit its type: must be an integer, is string \"big\"",
      ])
  }

  @Test func `must not run inside themselves`() throws {
    let found = try problems([
      "main.graph": Self.graph("main", "graph: other.graph"), "other.graph": Self.graph("other", "graph: ./main.graph"),
    ])
    #expect(
      found == [
        "other.graph:6:15: error: \"./main.graph\" includes itself: main.graph → other.graph → main.graph "
          + "(a graph cannot run inside itself)"
      ])
    let own = try problems(["main.graph": Self.graph("main", "graph: main.graph")])
    #expect(own.map { $0.contains("includes itself: main.graph → main.graph") } == [true])
  }

  @Test func `are bounded in depth, however they come together`() throws {
    var files = ["main.graph": Self.graph("main", "graph: g1.graph")]
    for level in 1...17 { files["g\(level).graph"] = Self.graph("g\(level)", "graph: g\(level + 1).graph") }
    files["g16.graph"] = Self.graph("g16")
    #expect(try problems(files) == [])
    files["g16.graph"] = Self.graph("g16", "graph: g17.graph")
    files["g17.graph"] = Self.graph("g17")
    #expect(try problems(files) == ["g16.graph:6:15: error: graphs are nested more than 16 deep here"])
  }

  @Test func `that are included often are read once`() throws {
    // 2^16 ways lead to the last.
    var files = ["main.graph": Self.graph("main", "graph: g1.graph")]
    for level in 1...15 {
      files["g\(level).graph"] =
        Self.graph("g\(level)", "graph: g\(level + 1).graph, next: b") + "  b: { graph: g\(level + 1).graph }\n"
    }
    files["g16.graph"] = Self.graph("g16")
    let start = ContinuousClock.now
    let graph = try #require(try read(files).graph)
    #expect(graph.withSubgraphs.count == 17)
    #expect(ContinuousClock.now - start < .unhurried)
  }

  @Test(
    arguments: [
      ("../outside.graph", "leaves the graph's folder"), ("/etc/passwd", "is not relative to the graph's folder"),
      ("~/x.graph", "is not relative"), ("sub/../../outside.graph", "leaves the graph's folder"),
      ("link.graph", "leads out of the graph's folder through a link"), ("out/outside.graph", "through a link"),
      ("nothing.graph", "is not there"), ("pipe", "is no regular file"), (".", "leads out of the graph's folder"),
      ("sub", "is no regular file"),
      ("latin.graph", "not UTF-8"),
    ])
  func `must lie below the folder, links followed, and be text`(name: String, message: String) throws {
    let main = "\(folder)/in/main.graph"
    try FileManager.default.createDirectory(atPath: "\(folder)/in/sub", withIntermediateDirectories: true)
    try Self.graph("main", "graph: '\(name)'").write(toFile: main, atomically: false, encoding: .utf8)
    try Self.graph("outside").write(toFile: "\(folder)/outside.graph", atomically: false, encoding: .utf8)
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder)/in/link.graph", withDestinationPath: "../outside.graph")
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/in/out", withDestinationPath: "..")
    try Data([0x67, 0xFF]).write(to: URL(fileURLWithPath: "\(folder)/in/latin.graph"))
    #expect(unsafe mkfifo("\(folder)/in/pipe", 0o600) == 0)
    let reading = try GraphReader().read(contentsOf: main)
    #expect(reading.graph == nil)
    #expect(reading.problems.count == 1)
    #expect(reading.problems.first?.message.contains(message) == true, "\(reading.problems)")
  }

  @Test func `a link that stays below the folder is followed, and the kernel refuses the others by itself`() throws {
    try FileManager.default.createDirectory(atPath: "\(folder)/in/real", withIntermediateDirectories: true)
    try Self.graph("other").write(toFile: "\(folder)/in/real/other.graph", atomically: false, encoding: .utf8)
    try Self.graph("outside").write(toFile: "\(folder)/outside.graph", atomically: false, encoding: .utf8)
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/in/near", withDestinationPath: "real")
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/in/far", withDestinationPath: "..")
    let contained = ContainedFile(root: "\(folder)/in")
    #expect(try contained.bytes(of: "near/other.graph").count > 0)
    #expect(throws: GraphFileError.outside(path: "\(folder)/in/far/outside.graph")) {
      try contained.bytes(of: "far/outside.graph")
    }
    #expect(throws: GraphFileError.outside(path: "\(folder)/in/../outside.graph")) {
      try contained.bytes(of: "../outside.graph")
    }
  }

  @Test func `are drawn with their file`() throws {
    let reading = try read([
      "main.graph": Self.graph("main", "graph: other.graph"), "other.graph": Self.graph("other"),
    ])
    let graph = try #require(reading.graph)
    #expect(graph.text.contains("a (graph other.graph)"))
    #expect(graph.mermaid.contains("graph other.graph"))
    #expect(graph.dot.contains("graph other.graph"))
  }
}
