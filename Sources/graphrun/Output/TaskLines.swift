import GraphRuntime

/// The lines of what one task prints on its streams, in the order a reader should see them.
struct TaskLines {
  typealias Line = (stream: GraphRuntime.OutputStream, text: String)

  private var streams: [GraphRuntime.OutputStream: LineSplitter] = [:]

  /// The lines that `text` ends. What a model said before it comes first, though its line has no end yet.
  mutating func add(_ text: String, to stream: GraphRuntime.OutputStream) -> [Line] {
    let said = [GraphRuntime.OutputStream.thinking, .token].filter { $0 != stream }
    return said.flatMap { finish($0) } + streams[stream, default: LineSplitter()].add(text).map { (stream, $0) }
  }

  /// The line that has begun on `stream` and not ended.
  func partial(of stream: GraphRuntime.OutputStream) -> String { streams[stream]?.partial ?? "" }

  /// What was begun, at the end.
  mutating func finish() -> [Line] {
    [GraphRuntime.OutputStream.stdout, .stderr, .thinking, .token].flatMap { finish($0) }
  }

  private mutating func finish(_ stream: GraphRuntime.OutputStream) -> [Line] {
    streams[stream]?.finish().map { (stream, $0) } ?? []
  }
}
