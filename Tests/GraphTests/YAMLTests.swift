import Foundation
import OrderedCollections
import Testing

@testable import Graph

@Suite("YAML")
struct YAMLTests {
  @Test(
    arguments: [
      ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("012", "012"), ("-012", "-012"), ("1_000", "1_000"),
      ("12:30:45", "12:30:45"), ("2026-11-22", "2026-11-22"), ("0b11", "0b11"), ("1.2.3", "1.2.3"), ("01.5", "01.5"),
      ("+", "+"), (".", "."), ("1e", "1e"), ("0x", "0x"), ("<<", "<<"), ("'1'", "1"), ("\"true\"", "true"),
      ("nul", "nul"), ("١٢", "١٢"),
      ("", .null), ("~", .null), ("null", .null), ("Null", .null),
      ("true", true), ("True", true), ("FALSE", false), ("0", 0), ("-7", -7), ("+7", 7), ("0o17", 15), ("0x1F", 31),
      ("1.5", 1.5), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("-1.5E-3", -0.0015),
      ("9007199254740993", 9_007_199_254_740_993),
    ] as [(String, JSON)])
  func `a plain value is what the core schema makes of it`(text: String, value: JSON) {
    #expect(JSON(yaml: "v: \(text)\n")?["v"] == value)
  }

  @Test(arguments: [".inf", "-.INF", ".nan", "12345678901234567890", "1e400"])
  func `a number that JSON cannot hold is refused where a value is meant, and stays text where text is`(number: String)
  {
    let graph = "graph: g\nstate: { n: {} }\nstart: a\nnodes: { a: { set: { n: \(number) } } }\n"
    let problem = Problem(
      at: SourcePosition(line: 4, column: 25), "a number that JSON cannot hold exactly", hint: "quote it if it is text")
    #expect(GraphReader().read(graph).problems == [problem])

    let text = "graph: g\nstart: a\nnodes: { a: { ask: \(number) } }\n"
    #expect(GraphReader().read(text).graph?.nodes["a"]?.fields["prompt"] == .literal(.string(number)))
  }

  @Test(arguments: ["no", "012", "1_000", "2026-11-22", "12:30:45", "1.50", "0x1F", "True"])
  func `text stays as it was written`(text: String) {
    let graph = GraphReader().read("graph: g\nstart: a\nnodes: { a: { ask: \(text) } }\n").graph
    #expect(graph?.nodes["a"]?.fields["prompt"] == .literal(.string(text)))
  }

  @Test(
    arguments: [
      Mistake("▶", "the file is empty"),
      Mistake("▶# nothing\n", "the file is empty"),
      Mistake(
        "graph: ▶!!binary aGk=\n", #"the tag "tag:yaml.org,2002:binary" is refused; graph files are plain data"#,
        hint: "remove it"),
      Mistake(
        "graph: ▶!!python/object/apply:os.system [ls]\n",
        #"the tag "tag:yaml.org,2002:python/object/apply:os.system" is refused; graph files are plain data"#,
        hint: "remove it"),
      Mistake("graph: ▶! x\n", #"the tag "!" is refused; graph files are plain data"#, hint: "remove it"),
      Mistake(
        "graph: &a { x: 1 }\nstate:\n  ▶<<: *a\n", "merge keys (<<) are refused",
        hint: "alias the whole value instead, or repeat the keys"),
      Mistake("graph: a\n▶graph: b\n", #"the key "graph" is there twice, first at 1:1"#),
      Mistake("1: a\n▶\"1\": b\n", #"the key "1" is there twice, first at 1:1"#),
      Mistake("graph: &a [▶*a]\n", "the alias *a stands inside its own anchor"),
      Mistake(
        "graph: &here x\nstart: ▶*her\n",
        "no anchor &here comes before the alias *her".replacing("&here", with: "&her"),
        hint: "did you mean *here?"),
      Mistake("▶{ a: b }: c\n", "a key must be text, not a map"),
      Mistake("? ▶[a]\n: c\n", "a key must be text, not a list"),
      Mistake(
        "graph: a\n---\n▶graph: b\n".replacing("---\n▶", with: "▶---\n"), "a second document; a graph file has one",
        hint: "remove the line ---"),
      Mistake(
        "graph: a\u{0}▶b".replacing("\u{0}▶", with: "▶\u{0}"),
        "a NUL character; is the file UTF-16, or not text at all?", hint: "save it as UTF-8"),
    ])
  func `refuses by name`(_ mistake: Mistake) throws {
    let problems = YAMLReader.read(Marked(mistake.text).text).problems
    #expect(problems == [mistake.expected].compactMap(\.self))
  }

  @Test(
    arguments: [
      ("graph: a: b\n", 1, 9), ("graph: [a\n", 2, 1), ("graph: 'a\n", 2, 1), ("a:\n\t- b\n", 2, 1),
      ("graph: \"\\q\"\n", 1, 9), ("a: b\n c: d\n", 2, 3), ("é: @x\n", 1, 4), ("a: \u{1}\n", 1, 4),
      ("a: b\r\nc: d: e\r\n", 2, 5), ("\u{FEFF}a: b: c\n", 1, 5),
    ])
  func `what is no YAML is said with its place`(text: String, line: Int, column: Int) throws {
    let reading = GraphReader().read(text)
    let problem = try #require(reading.problems.first)
    #expect(problem.position == SourcePosition(line: line, column: column))
    #expect(problem.message.hasPrefix("not YAML: "))
    #expect(reading.problems.count == 1)
  }

  @Test(
    arguments: [
      ("brackets", String(repeating: "[", count: 50_000)), ("dashes", String(repeating: "- ", count: 50_000)),
      ("braces", String(repeating: "{a: ", count: 50_000)), ("keys", String(repeating: "? ", count: 50_000)),
      ("a long line", "graph: " + String(repeating: "x", count: 10 << 20)),
      ("zeros", String(repeating: "\u{0}", count: 1000)), ("tabs", String(repeating: "\t", count: 50_000)),
      ("aliases", bomb(key: "")), ("aliases in keys", bomb(key: "? ")),
    ])
  func `hostile text is refused at once`(name: String, text: String) throws {
    var reading = Reading(graph: nil, problems: [])
    let time = ContinuousClock().measure { reading = GraphReader().read(text) }
    #expect(reading.graph == nil)
    #expect(!reading.problems.isEmpty)
    #expect(time < .unhurried)
  }

  private static func bomb(key: String) -> String {
    var lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in 1...9 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      lines.append("a\(level): &a\(level) [\(aliases)]")
    }
    return (lines + ["last: { \(key)*a9 : x }"]).joined(separator: "\n")
  }

  @Test(
    arguments: [
      ("UTF-16", Data([0xFF, 0xFE, 0x67, 0x00]), 1, 1, "the file is UTF-16 or UTF-32"),
      ("Latin-1", Data("graph: a\nx: é".utf8.dropLast(2)) + [0xE9], 2, 4, "not UTF-8 from here on"),
    ])
  func `a file in another encoding is refused`(
    name: String, bytes: Data, line: Int, column: Int, message: String
  ) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "graphrun-\(UUID().uuidString).graph")
    try bytes.write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    let problem = Problem(at: SourcePosition(line: line, column: column), message, hint: "save it as UTF-8")
    #expect(try GraphReader().read(contentsOf: url.path).problems == [problem])
  }

  @Test func `a file that cannot be read says which and why`() {
    #expect(throws: GraphFileError.missing(path: "/nowhere/x.graph")) {
      try GraphReader().read(contentsOf: "/nowhere/x.graph")
    }
    #expect(throws: GraphFileError.noFile(path: "/dev/null")) { try GraphReader().read(contentsOf: "/dev/null") }
    #expect("\(GraphFileError.missing(path: "/nowhere/x.graph"))" == "/nowhere/x.graph: there is no such file")
  }
}
