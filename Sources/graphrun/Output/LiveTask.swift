import GraphRuntime

/// A running task as the live view knows it: what it printed, as much of that as a screen has room for.
struct LiveTask {
  let name: String
  var start: ContinuousClock.Instant
  var attempt: Int

  /// When its next attempt starts, which is said instead of its last line.
  var goesOn: ContinuousClock.Instant?

  private var splitter = TaskLines()
  private var kept: [String] = []

  /// Lines that ended, all of them.
  private(set) var count = 0

  /// The line that has begun and not ended.
  private var partial = ""

  /// No screen shows more of one task.
  private static let most = 200
  private static let longest = 2_000

  init(_ name: String, attempt: Int, start: ContinuousClock.Instant) {
    self.name = name
    self.attempt = attempt
    self.start = start
  }

  /// Takes what the task printed; the lines that ended by it.
  mutating func take(_ text: String, _ stream: GraphRuntime.OutputStream, showsThinking: Bool) -> [String] {
    let lines = keep(splitter.add(text, to: stream), showsThinking)
    if stream != .thinking || showsThinking { partial = String(splitter.partial(of: stream).suffix(Self.longest)) }
    goesOn = nil
    return lines
  }

  /// The attempt is over: what has begun ends.
  mutating func finish(showsThinking: Bool) -> [String] {
    partial = ""
    return keep(splitter.finish(), showsThinking)
  }

  private mutating func keep(_ lines: [TaskLines.Line], _ showsThinking: Bool) -> [String] {
    let shown = lines.filter { $0.stream != .thinking || showsThinking }.map(\.text)
    count += shown.count
    kept += shown.suffix(Self.most).map { SafeText.line(String($0.prefix(Self.longest))) }
    if kept.count > 2 * Self.most { kept.removeFirst(kept.count - Self.most) }
    return shown
  }

  /// The newest lines, at most `limit`, the one that has begun among them.
  func tail(_ limit: Int) -> [String] {
    let lines = kept.suffix(limit)
    guard !partial.isEmpty else { return Array(lines) }
    return Array((lines + [SafeText.line(partial)]).suffix(limit))
  }

  /// The newest line with something in it, or how long it waits.
  func last(_ now: ContinuousClock.Instant) -> String {
    guard let goesOn else { return newest }
    return goesOn > now ? "again in \(spoken((goesOn - now).seconds.rounded(.up)))" : "again now"
  }

  private var newest: String { tail(20).last { !$0.isEmpty } ?? "" }

  /// How far it says it is, where its last line names a percentage.
  var share: Double? { goesOn == nil ? newest.percentage : nil }
}

extension String {
  /// A task's name without its place in a fan-out.
  var ofNode: String {
    guard last == "]", let open = lastIndex(of: "[") else { return self }
    return String(self[..<open])
  }

  /// A task's place in its fan-out; 0 outside of one.
  var fanOutIndex: Int {
    guard last == "]", let open = lastIndex(of: "[") else { return 0 }
    return Int(self[index(after: open)...].dropLast()) ?? 0
  }
}

extension String {
  /// The last `12%` or `12.5%` in the text, as a share of 1.
  fileprivate var percentage: Double? {
    guard let sign = lastIndex(of: "%") else { return nil }
    let digits = self[..<sign].reversed().prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard !digits.isEmpty, digits.count <= 6, let number = Double(String(digits.reversed())), (0...100).contains(number)
    else { return nil }
    return number / 100
  }
}
