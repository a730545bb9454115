import Foundation
import Graph
import GraphRuntime
import Testing

@testable import GraphNodes

/// The shared hostile server, where it is there: all its modes end in a whole answer or a failure by kind, in time.
@Suite("The hostile Ollama", .serialized, .enabled(if: HostileOllama.isThere, "../shared/faults is not there"))
struct HostileOllamaTests {
  let bench = Bench()

  func result(_ mode: String, _ more: [(String, Field)] = [], options: [String] = []) async throws -> JSON {
    try await result(of: HostileOllama(options), mode, more, silence: "30s")
  }

  func result(
    of hostile: HostileOllama, _ mode: String, _ more: [(String, Field)], silence: Field
  ) async throws -> JSON {
    let fields: [(String, Field)] = [
      ("model", "stub"), ("prompt", .literal(.string("say it [[mode:\(mode)]]"))),
      ("url", .literal(.string(hostile.url))), ("first-byte", silence), ("idle", silence),
    ]
    defer { withExtendedLifetime(hostile) {} }
    return try await LLMNode().result(bench.task("llm", fields + more))
  }

  static let echo: (String, Field) = (
    "tools",
    .literal([["name": "echo", "parameters": ["type": "object", "properties": ["text": ["type": "string"]]]]])
  )

  @Test(arguments: ["ok", "thinking", "slow", "slow-loris", "two-dones", "not-stream"])
  func `modes with an answer`(mode: String) async throws {
    let result = try await result(mode, options: ["--delay", mode == "slow" ? "1" : "0.005"])
    #expect(result["text"] == .string("echo: say it [[mode:\(mode)]]"))
    #expect(result["message"]?["thinking"] == (mode == "thinking" ? "let me think" : nil))
  }

  @Test func `modes with an answer of their own`() async throws {
    #expect(try await result("utf8-split")["text"] == .string(String(repeating: "héllo 😀 世界 ", count: 20)))
    #expect(try await result("inject")["text"]?.stringValue?.contains("DROP TABLE t;--") == true)
    let format: (String, Field) = (
      "format", .literal(["type": "object", "properties": ["ok": ["type": "boolean"]], "required": ["ok"]])
    )
    #expect(try await result("fenced", [format])["json"] == ["ok": true])
  }

  @Test(arguments: [("tool-call", 1), ("two-tools", 2), ("loop-tool", 1)])
  func `modes with calls`(mode: String, count: Int) async throws {
    let calls = try await result(mode, [Self.echo])["message"]?["tool_calls"]?.arrayValue
    #expect(calls?.count == count && calls?.first?["function"]?["arguments"] == ["text": "hi"])
  }

  @Test(arguments: [
    ("stall", ErrorKind.timeout), ("stall-first", .timeout), ("reset", .connection), ("reset-first", .connection),
    ("close", .model), ("400", .http), ("401", .http), ("404", .model), ("429", .http), ("500", .http), ("502", .http),
    ("503", .http), ("redirect", .refused), ("html", .protocol), ("bad-line", .protocol), ("error-line", .model),
    ("bad-chunk", .connection), ("bad-utf8", .protocol), ("wrong-type", .protocol), ("huge-line", .limit),
    ("empty", .model), ("no-message", .model), ("gigantic", .limit), ("length", .model), ("forever", .limit),
    ("bad-tool", .model), ("json-broken", .parse),
  ])
  func `modes that fail`(mode: String, kind: ErrorKind) async throws {
    let hostile = try HostileOllama()
    let start = ContinuousClock.now
    let more: (String, Field) = mode == "json-broken" ? ("format", .literal(["type": "object"])) : Self.echo
    do {
      let result = try await result(of: hostile, mode, [more], silence: "1s")
      Issue.record("\(mode) gave \(result.summary)")
    } catch let failure as NodeFailure {
      #expect(failure.kind == kind, "\(failure.message)")
      #expect(failure.retryAfter == (mode == "429" || mode == "503" ? .seconds(2) : nil))
    }
    #expect(.now - start < .unhurried)
  }
}

/// A running hostile server, ended with the value, or with the process that tests, however that ends.
final class HostileOllama: Sendable {
  static let path =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path + "/shared/faults/ollama_hostile.py"
  static let isThere = FileManager.default.fileExists(atPath: path)

  let url: String

  /// Ours to hold: once the other end is read to its end, nobody does.
  private let lifeline = Pipe()

  private static let script = """
    exec 3<&0
    python3 -u "$@" 3<&- </dev/null &
    cat <&3 >/dev/null
    kill -KILL $!
    """

  init(_ options: [String] = []) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", Self.script, "sh", Self.path, "--words", "2"] + options
    process.standardInput = lifeline
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    var line: [UInt8] = []
    while line.last != UInt8(ascii: "\n") {
      let piece = output.fileHandleForReading.availableData
      if piece.isEmpty { break }
      line += piece
    }
    url = String(String(decoding: line, as: UTF8.self).prefix { !$0.isNewline })
  }

  deinit { try? lifeline.fileHandleForWriting.close() }
}
