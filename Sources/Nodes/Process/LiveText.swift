import GraphRuntime

/// Cuts a stream's bytes into what is shown while it runs: whole lines as they come, the beginning of a line soon
/// after, and of a flood only as much as somebody could read.
struct LiveText {
  /// How long a line's beginning waits for the rest.
  static let patience: Duration = .milliseconds(50)

  /// A line's beginning never grows beyond this.
  static let lineLimit = 64 << 10

  private var pending: [UInt8] = []
  private var pendingSince: ContinuousClock.Instant?
  private var isAtLineStart = true
  private let secrets: SecretStream

  /// Bytes not shown since the last that were.
  private var skipped = 0

  init(_ mask: SecretMask) {
    secrets = SecretStream(mask)
  }

  /// When the beginning of a line is due to be shown; `nil` when there is none.
  var due: ContinuousClock.Instant? { pendingSince.map { $0 + Self.patience } }

  /// The texts to show now that `bytes` came.
  mutating func take(
    _ bytes: UnsafeRawBufferPointer, from bucket: inout TokenBucket, at now: ContinuousClock.Instant
  ) -> [String] {
    var texts: [String] = []
    var bytes = unsafe bytes
    if skipped > 0 {
      guard bucket.level(at: now) >= TokenBucket.enough else {
        skipped += bytes.count
        return []
      }
      // Goes on with a line's beginning, unless that is far.
      let start = unsafe UnsafeRawBufferPointer(rebasing: bytes.prefix(4096)).firstIndex(of: 0x0A).map { $0 + 1 } ?? 0
      skipped += start
      texts.append(notice())
      unsafe bytes = UnsafeRawBufferPointer(rebasing: bytes[start...])
    }
    let allowed = bucket.take(bytes.count, at: now)
    let shown = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<allowed])
    if let newline = unsafe shown.lastIndex(of: 0x0A) {
      unsafe pending.append(contentsOf: shown[...newline])
      texts.append(show(pending.count))
      unsafe pending.append(contentsOf: shown[(newline + 1)...])
    } else {
      unsafe pending.append(contentsOf: shown)
    }
    pendingSince = pending.isEmpty ? nil : pendingSince ?? now
    let rest = bytes.count - allowed
    if pending.count > Self.lineLimit || (rest > 0 && !pending.isEmpty) { texts.append(showPending(whole: rest > 0)) }
    skipped += rest
    return texts.filter { !$0.isEmpty }
  }

  /// The text that has waited long enough.
  mutating func flush(at now: ContinuousClock.Instant) -> String? {
    guard let due, due <= now else { return nil }
    let text = showPending(whole: false)
    return text.isEmpty ? nil : text
  }

  /// What is left at the end. `tail` gives the stream's last bytes, shown when it ended in a flood.
  mutating func finish(tail: (Int) -> [UInt8]) -> String? {
    var text = pending.isEmpty ? "" : showPending(whole: true)
    if skipped > 0 {
      let all = tail(min(skipped, 4096))
      let lines = all.count < skipped ? all[(all.firstIndex(of: 0x0A).map { $0 + 1 } ?? 0)...] : all[...]
      skipped -= lines.count
      if skipped > 0 { text += notice() }
      text += secrets.pass(String(decoding: lines.drop { $0 & 0xC0 == 0x80 }, as: UTF8.self))
    }
    text += secrets.finish()
    return text.isEmpty ? nil : text
  }

  private mutating func showPending(whole: Bool) -> String {
    let held = whole ? 0 : UTF8Cut.incompleteSuffix(of: pending)
    let text = show(pending.count - held)
    // What is held is shown as it is once nothing more comes in time.
    if text.isEmpty, held > 0 { return show(held) }
    pendingSince = pending.isEmpty ? nil : .now
    return text
  }

  private mutating func show(_ count: Int) -> String {
    guard count > 0 else { return "" }
    let text = String(decoding: pending[..<count], as: UTF8.self)
    isAtLineStart = pending[count - 1] == 0x0A
    pending.removeFirst(count)
    if pending.isEmpty { pendingSince = nil }
    return secrets.pass(text)
  }

  private mutating func notice() -> String {
    defer {
      skipped = 0
      isAtLineStart = true
    }
    skipped += secrets.cut()
    return (isAtLineStart ? "" : "\n") + "[… \(ByteCount(skipped)) not shown …]\n"
  }
}

/// How much may be shown: a burst, then a steady rate.
struct TokenBucket {
  static let burst = 256 << 10
  static let bytesPerSecond = 256 << 10

  /// Showing starts again only when there is this much.
  static let enough = 128 << 10

  private var tokens: Double
  private var filledAt: ContinuousClock.Instant

  init(at now: ContinuousClock.Instant) {
    tokens = Double(Self.burst)
    filledAt = now
  }

  mutating func level(at now: ContinuousClock.Instant) -> Int {
    guard now > filledAt else { return Int(tokens) }
    let passed = (now - filledAt) / .seconds(1)
    tokens = min(Double(Self.burst), tokens + passed * Double(Self.bytesPerSecond))
    filledAt = now
    return Int(tokens)
  }

  /// Showing took `duration`: nothing is earned in it, nor in four times as long after it, so that a slow reader of what
  /// is shown does not slow the step down.
  mutating func rest(after duration: Duration) {
    filledAt = max(filledAt, .now) + duration * 4
  }

  /// Takes up to `count`; how many it gave.
  mutating func take(_ count: Int, at now: ContinuousClock.Instant) -> Int {
    let given = min(count, level(at: now))
    tokens -= Double(given)
    return given
  }
}
