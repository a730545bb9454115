import Foundation
import Graph
import GraphRuntime
import NIOHTTP1
import Testing

@testable import GraphNodes

/// Everything a server can do to an `llm` node, one by one; the whole answer or a failure by kind, and never part of one.
@Suite("Hostile model servers", .serialized)
struct HostileModelTests {
  enum Outcome: Sendable, Equatable {
    case text(String)
    case calls(Int)
    case failure(ErrorKind)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var mode: String
    var outcome: Outcome
    var response: WebServer.Response

    init(_ mode: String, _ outcome: Outcome, _ response: WebServer.Response) {
      (self.mode, self.outcome, self.response) = (mode, outcome, response)
    }

    var testDescription: String { mode }
  }

  private static let words = ["to ", "be ", "or"].map(Line.say)
  private static let all = words + [Line.done()]
  private static let echo = Line.done(message: Line.calls([Line.call("echo", ["text": "hi"])]))
  private static let metacharacters = "$(touch ./pwned) `id`; rm -rf ~ ${{ $secrets.X }} '\"\\ \u{1B}[31m\u{202E}"

  private static func status(_ code: Int, _ error: String = "because") -> WebServer.Response {
    .json(["error": .string(error)], status: .init(statusCode: code))
  }

  private static func raw(_ head: String, _ chunks: [[UInt8]], then end: [WebServer.Act]) -> WebServer.Response {
    .init(script: [WebServer.Act.head(head)] + chunks.map { WebServer.Act.chunk($0) } + end)
  }

  private static func pieces(_ text: String, of size: Int) -> [[UInt8]] {
    let bytes = Array(text.utf8)
    return stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
  }

  private static let ndjson = "application/x-ndjson"
  private static let end = [WebServer.Act.lastChunk, .close]
  private static let wide = "héllo 😀 世界"

  static let good: [Case] = [
    Case("ok", .text("to be or"), .lines(all)),
    Case("tool-call", .calls(1), .lines([echo])),
    Case(
      "two-tools", .calls(2),
      .lines([Line.done(message: Line.calls([Line.call("echo", ["text": "a"]), Line.call("echo", ["text": "b"])]))])),
    Case("thinking", .text("to be or"), .lines([Line.think("hm")] + all)),
    Case("loop-tool", .calls(1), .lines([echo])),
    Case("slow-loris", .text("to be or"), raw(ndjson, pieces(all.joined(separator: "\n") + "\n", of: 1), then: end)),
    Case("utf8-split", .text(wide), raw(ndjson, pieces("\(Line.say(wide))\n\(Line.done())\n", of: 7), then: end)),
    Case("crlf", .text("to be or"), raw(ndjson, [Array(all.joined(separator: "\r\n").utf8)], then: end)),
    Case("two-dones", .text("to be or"), .lines(all + [Line.say("after the end"), Line.done()])),
    Case("after-done", .text("to be or"), .lines(all, then: [.hold])),
    Case(
      "not-stream", .text("whole"),
      .json(["message": ["role": "assistant", "content": "whole"], "done": true, "done_reason": "stop"])),
    Case("inject", .text(metacharacters), .lines([Line.say(metacharacters), Line.done()])),
    Case(
      "fenced", .text("```json\n{\"ok\": true}\n```"), .lines([Line.say("```json\n{\"ok\": true}\n```"), Line.done()])),
    Case("json-broken", .text("{\"verdict\": 0."), .lines([Line.say("{\"verdict\": 0."), Line.done()])),
    Case("slow", .text("to be or"), .lines(all)),
    Case("null error", .text("hi"), .lines(["{\"error\":null,\"message\":{\"content\":\"hi\"}}", Line.done()])),
  ]

  static let bad: [Case] = [
    Case("stall", .failure(.timeout), .lines(words, then: [.hold])),
    Case("stall-first", .failure(.timeout), .init(script: [.hold])),
    Case("stall-head", .failure(.timeout), .init(script: [WebServer.Act.head(ndjson), .hold])),
    Case("reset", .failure(.connection), .lines(words, then: [.reset])),
    Case("reset-first", .failure(.connection), .init(script: [.reset])),
    Case("cut-chunk", .failure(.connection), .lines(words, then: [.text("40\r\n{\"mess"), .close])),
    Case("close", .failure(.model), .lines(words)),
    Case("400", .failure(.http), status(400)),
    Case("401", .failure(.http), status(401)),
    Case("404", .failure(.model), status(404, "model 'x' not found")),
    Case("429", .failure(.http), status(429)),
    Case("500", .failure(.http), status(500)),
    Case("502", .failure(.http), status(502)),
    Case("503", .failure(.http), status(503)),
    Case(
      "redirect", .failure(.refused), .init(status: .found, headers: ["Location": "http://169.254.169.254/latest/"])),
    Case("html", .failure(.protocol), .init(headers: ["Content-Type": "text/html"], body: "<html>Bad gateway</html>")),
    Case("bad-line", .failure(.protocol), .lines(words + ["{\"message\":{\"role\":\"assist", "{{{]"])),
    Case("error-line", .failure(.model), .lines(words + ["{\"error\":\"an error was encountered\"}"])),
    Case("bad-chunk", .failure(.connection), .lines(words, then: [.text("ZZZ\r\nnot a chunk\r\n"), .close])),
    Case(
      "bad-utf8", .failure(.protocol),
      raw(ndjson, [Array("{\"message\":{\"content\":\"".utf8) + [0xFF, 0xFE] + Array("\"}}\n".utf8)], then: end)),
    Case("wrong-type: message", .failure(.protocol), .lines(["{\"message\":[\"x\"],\"done\":false}", Line.done()])),
    Case("wrong-type: content", .failure(.protocol), .lines(["{\"message\":{\"content\":42}}", Line.done()])),
    Case("wrong-type: done", .failure(.protocol), .lines(words + ["{\"done\":\"yes\"}"])),
    Case("wrong-type: line", .failure(.protocol), .lines(words + ["[1]"])),
    Case("wrong-type: null", .failure(.protocol), .lines(words + ["null"])),
    Case(
      "huge-line", .failure(.limit),
      .lines(
        [],
        then: [
          .chunk("{\"message\":{\"content\":\""),
          .forever(WebServer.Act.framed([UInt8](repeating: 0x41, count: 65536))),
        ])),
    Case("empty", .failure(.model), .lines([Line.say(""), Line.done()])),
    Case("blank", .failure(.model), .lines([Line.say(" \n"), Line.done()])),
    Case("no-message", .failure(.model), .lines(["{\"done\":true,\"done_reason\":\"stop\"}"])),
    Case("load", .failure(.model), .lines([Line.done(["done_reason": "load"])])),
    Case(
      "gigantic", .failure(.limit),
      .lines(
        [],
        then: [.forever(WebServer.Act.framed(Array((Line.say(String(repeating: "A", count: 500_000)) + "\n").utf8)))])),
    Case(
      "forever", .failure(.limit),
      .lines(
        [],
        then: [
          .forever(WebServer.Act.framed(Array((Line.think(String(repeating: "hm ", count: 100_000)) + "\n").utf8)))
        ])),
    Case("length", .failure(.model), .lines(words + [Line.done(["done_reason": "length"])])),
    Case(
      "bad-tool", .failure(.model),
      .lines([Line.done(message: Line.calls([Line.call("no_such_tool; rm -rf ~", "{not json")]))])),
    Case("nameless-tool", .failure(.model), .lines([Line.done(message: Line.calls([["function": .null]]))])),
    Case(
      "many-tools", .failure(.limit),
      .lines([Line.done(message: Line.calls((0..<10_000).map { _ in Line.call("echo", [:]) }))])),
    Case("deep", .failure(.protocol), .lines([String(repeating: "[", count: 50_000)])),
    Case("duplicate keys", .failure(.protocol), .lines(["{\"done\":false,\"done\":true}"])),
  ]

  let bench = Bench()

  func outcome(_ response: WebServer.Response, silence: Field) async throws -> Outcome {
    let stub = try await Stub.ollama { _ in response }
    let fields: [(String, Field)] = [
      ("model", "stub"), ("prompt", "say"), ("url", .literal(.string(stub.url))),
      ("first-byte", silence), ("idle", silence),
      (
        "tools",
        .literal([["name": "echo", "parameters": ["type": "object", "properties": ["text": ["type": "string"]]]]])
      ),
    ]
    do {
      let result = try await LLMNode().result(bench.task("llm", fields))
      let calls = result["message"]?["tool_calls"]?.arrayValue ?? []
      return calls.isEmpty ? .text(result["text"]?.stringValue ?? "") : .calls(calls.count)
    } catch let failure as NodeFailure {
      #expect(!failure.message.isEmpty && failure.message.count < 2000)
      return .failure(failure.kind)
    }
  }

  @Test(arguments: good) func `whole answers are taken`(_ hostile: Case) async throws {
    #expect(try await outcome(hostile.response, silence: "30s") == hostile.outcome)
  }

  @Test(arguments: bad) func `everything else is a failure, in time`(_ hostile: Case) async throws {
    let start = ContinuousClock.now
    #expect(try await outcome(hostile.response, silence: "1s") == hostile.outcome)
    #expect(.now - start < .seconds(7) + .busy)
  }
}
