public import ArgumentParser
public import Graph
public import GraphRuntime

extension ThreadID: ExpressibleByArgument {
  public init?(argument: String) { self.init(checking: argument) }
}

extension NodeName: ExpressibleByArgument {
  public init?(argument: String) { self.init(checking: argument) }
}

extension Durability: ExpressibleByArgument {}

/// `THREAD` (or `THREAD@HEAD`) or `THREAD@N`.
struct CheckpointReference: ExpressibleByArgument {
  var thread: ThreadID

  /// `nil` is the head.
  var number: Int?

  init?(argument: String) {
    let parts = argument.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = parts.first, let thread = ThreadID(checking: String(name)) else { return nil }
    self.thread = thread
    guard parts.count == 2, parts[1] != "HEAD" else { return }
    guard let number = Int(parts[1]), number > 0 else { return nil }
    self.number = number
  }

  /// - Throws: ``UsageError`` where the number is missing.
  func required(_ command: String) throws -> Int {
    guard let number else {
      throw UsageError("\(command) needs a checkpoint: \(thread)@N (graphrun history \(thread))")
    }
    return number
  }
}

extension CompletionKind {
  static let graphFile = CompletionKind.file(extensions: ["graph"])

  /// The threads that there are, the newest change first.
  static let thread = CompletionKind.custom { words, _, prefix async in
    var global = GlobalOptions()
    global.state = words.firstIndex(of: "--state").map { words.index(after: $0) }.flatMap {
      words.indices.contains($0) ? words[$0] : nil
    }
    guard let store = try? await global.openStoreIfAny() else { return [] }
    let headers = (try? await ThreadView(store).headers()) ?? []
    try? await store.close()
    return headers.map(\.id.rawValue).filter { $0.hasPrefix(prefix) }
  }
}

/// A duration as graphs write it: `500ms`, `2s`, `10m`, `1h`; a bare number is seconds.
struct TypedDuration: ExpressibleByArgument {
  var duration: Duration

  init?(argument: String) {
    let digits = argument.prefix { $0.isNumber && $0.isASCII }
    guard let number = Int64(digits), number < 1_000_000_000 else { return nil }
    switch argument.dropFirst(digits.count) {
    case "ms": duration = .milliseconds(number)
    case "s", "": duration = .seconds(number)
    case "m": duration = .seconds(number * 60)
    case "h": duration = .seconds(number * 3600)
    case "d": duration = .seconds(number * 86400)
    default: return nil
    }
  }
}
