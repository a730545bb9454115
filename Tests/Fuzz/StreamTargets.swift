import Graph
import GraphRuntime

@testable import GraphNodes

/// What models and servers send: lines of JSON, server-sent events, JSON-RPC.
let streamTargets: [String: Target] = [
  "lines": { bytes in
    let whole = framed(bytes, [bytes.count])
    precondition(framed(bytes, cuts(of: bytes)) == whole, "where a stream is cut changes no line")
    var answer = OllamaModel.Answer(ChatRequest(messages: [ChatMessage(.user, "hi")]))
    for line in whole ?? [] {
      guard let json = try? JSON(parsing: line) else { continue }
      guard let isDone = try? answer.take(json, show: { _, _ in }), !isDone else { break }
    }
    let reply = try? answer.builder.reply(tokenLimit: nil, room: "room", seconds: 0)
    precondition(reply == nil || !answer.builder.isEmpty, "nothing is no answer")
  },
  "events": { bytes in
    let whole = events(bytes, [bytes.count])
    precondition(events(bytes, cuts(of: bytes)) == whole, "where a stream is cut changes no event")
  },
  "rpc": { bytes in
    guard let message = try? JSON(parsing: bytes) else { return }
    if let error = message["error"] { _ = MCPRequestError(error, method: "m", status: nil).failure("s").message }
    for item in message["result"]?["tools"]?.arrayValue ?? [] {
      guard let tool = try? MCPTool(item) else { continue }
      precondition((try? MCPTool(item))?.fingerprint == tool.fingerprint, "a tool's fingerprint is its own")
      try? tool.checkMirror()
      let call = MCPCall(
        server: "s", tool: tool, arguments: message["arguments"] ?? [:], key: "k", answers: nil, mayAsk: true,
        mask: .none)
      _ = try? call.params()
      guard let result = message["result"]?["call"]?.objectValue, let outcome = try? call.outcome(of: result) else {
        continue
      }
      _ = call.mismatches(of: outcome)
    }
  },
]

/// Where the input says that a stream is cut: its own bytes, as steps.
private func cuts(of bytes: [UInt8]) -> [Int] { bytes.prefix(16).map { Int($0 % 32) + 1 } + [bytes.count] }

private func pieces(_ bytes: [UInt8], _ cuts: [Int]) -> [ArraySlice<UInt8>] {
  var rest = bytes[...]
  return cuts.map { count in
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}

/// `nil` where a limit is broken.
private func framed(_ bytes: [UInt8], _ cuts: [Int]) -> [[UInt8]]? {
  var framer = LineFramer(limitBytes: 4096)
  var lines: [[UInt8]] = []
  for piece in pieces(bytes, cuts) {
    guard let more = try? framer.lines(in: piece) else { return nil }
    lines += more
  }
  return lines + (framer.finish().map { [$0] } ?? [])
}

private func events(_ bytes: [UInt8], _ cuts: [Int]) -> [ServerEvent]? {
  var parser = EventStreamParser(limitBytes: 4096)
  var events: [ServerEvent] = []
  for piece in pieces(bytes, cuts) {
    guard let more = try? parser.events(in: piece) else { return nil }
    events += more
  }
  guard let last = try? parser.finish() else { return events }
  return events + [last]
}
