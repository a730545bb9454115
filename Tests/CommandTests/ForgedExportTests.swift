import Foundation
import Subprocess
import SystemPackage
import Testing

/// Exports whose checksum is right and whose content is not (RELIABILITY S21).
@Suite("Forged exports")
struct ForgedExportTests {
  @Test func `what waits inside a task is looked at as the thread's own tasks are`() async throws {
    let tool = try Tool([
      "out.graph": "graph: out\nstart: s\nnodes: { s: { graph: in.graph } }\n",
      "in.graph": "graph: in\nstate: { n: {} }\nstart: a\nnodes: { a: { ask: How many?, save: n } }\n",
    ])
    defer { tool.remove() }
    #expect(try await tool("run", "out", "--thread", "t").code == 3)
    let lines = try await tool("export", "t").output.split(separator: "\n").dropLast().map(String.init)
    let forged = lines.map { line in
      (line.contains(#""namespace":"s@1","#) && !line.contains(#""asked""#))
        ? line.replacing(#""node":"a""#, with: #""node":"ghost""#) : line
    }
    try tool.write(try await tool.sealed(forged), to: "x.jsonl")
    let refused = try await tool("import", "x.jsonl", "--state", "other")
    #expect(refused.code == 2, "\(refused.output)")
    #expect(refused.error.contains("inside s@1: node ghost is due and no longer there"), "\(refused.error)")
    try tool.write(try await tool.sealed(lines), to: "x.jsonl")
    #expect(try await tool("import", "x.jsonl", "--state", "other").code == 0)
    #expect(try await tool("resume", "t", "--state", "other", "--answer", "3").code == 0)
  }
}

extension Tool {
  /// An export of `lines`, with the end that they ought to have.
  fileprivate func sealed(_ lines: [String]) async throws -> String {
    let text = lines.map { $0 + "\n" }.joined()
    try write(text, to: "lines")
    let sum = try await Subprocess.run(
      .name("sha256sum"), arguments: ["lines"], workingDirectory: FilePath(folder.path), output: .string(limit: 1024))
    let checksum = sum.standardOutput.prefix { $0 != " " }
    return text + #"{"end":{"lines":\#(lines.count),"checksum":"\#(checksum)"}}"# + "\n"
  }
}
