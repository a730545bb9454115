import Dispatch

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a person types on the terminal.
enum Keyboard {
  enum Typed: Equatable {
    case key(Character)
    case line(String)
  }

  /// A line; `nil` at the end of input (Ctrl-D), or once `isOver`.
  static func line(until isOver: @escaping @Sendable () -> Bool) async -> String? {
    await waiting { TypedBytes(isOver).line() }
  }

  /// To be called before a question is shown: what was typed by then is no answer to it.
  static func forget() { tcflush(STDIN_FILENO, TCIFLUSH) }

  /// One of `keys` as soon as it is pressed, or the line that begins with another.
  static func keyOrLine(_ keys: Set<Character>, until isOver: @escaping @Sendable () -> Bool) async -> Typed? {
    await waiting { KeyMode.during { TypedBytes(isOver, mode: $0).keyOrLine(keys) } }
  }

  /// Reading blocks a thread, so it has one of its own.
  private static func waiting<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { done in
      DispatchQueue.global().async { done.resume(returning: body()) }
    }
  }
}

/// The terminal hands over each key as it is pressed, and shows none by itself. Ctrl-C stays a signal.
private struct KeyMode {
  private var settings: termios

  static func during<Value>(_ body: (KeyMode?) -> Value) -> Value {
    var before = termios()
    guard unsafe tcgetattr(STDIN_FILENO, &before) == 0 else { return body(nil) }
    var mode = KeyMode(settings: before)
    mode.settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
    _ = unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &mode.settings)
    defer { _ = unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &before) }
    return body(mode)
  }

  /// A shell may have set the terminal its own way while the program was stopped (Ctrl-Z).
  func renew() {
    var now = termios()
    var wanted = settings
    guard unsafe tcgetattr(STDIN_FILENO, &now) == 0, now.c_lflag & tcflag_t(ICANON) != 0 else { return }
    _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &wanted)
  }
}

/// Reads what is typed byte by byte.
private struct TypedBytes {
  private let isOver: () -> Bool
  private let mode: KeyMode?

  private static let longestBytes = 1 << 20

  init(_ isOver: @escaping () -> Bool, mode: KeyMode? = nil) {
    self.isOver = isOver
    self.mode = mode
  }

  /// A line that the terminal lets a person edit.
  func line() -> String? {
    var bytes: [UInt8] = []
    while let byte = next(), bytes.count < Self.longestBytes {
      if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
    return nil
  }

  func keyOrLine(_ keys: Set<Character>) -> Keyboard.Typed? {
    guard mode != nil else { return line().map(Keyboard.Typed.line) }
    var text = EchoedLine()
    while let byte = next(), text.bytes.count < Self.longestBytes {
      let key = Character(Unicode.Scalar(byte))
      if text.bytes.isEmpty, keys.contains(key) {
        skipRest()
        return .key(key)
      }
      switch byte {
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): return .line(text.end())
      case 0x04: if text.bytes.isEmpty { return nil }
      case 0x1B: skipRest()
      default: text.take(byte)
      }
    }
    return nil
  }

  /// Leaves out what came with a key at once: the rest of a pasted word, or of an arrow key.
  private func skipRest() {
    while isReady(within: 50) { if read() == nil { return } }
  }

  private func next() -> UInt8? {
    while !isOver() {
      mode?.renew()
      if isReady(within: 100) { return read() }
    }
    return nil
  }

  private func isReady(within milliseconds: Int32) -> Bool {
    var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&ready, 1, milliseconds) > 0
  }

  private func read() -> UInt8? {
    var byte: UInt8 = 0
    #if canImport(Darwin)
      let count = unsafe Darwin.read(STDIN_FILENO, &byte, 1)
    #elseif canImport(Glibc)
      let count = unsafe Glibc.read(STDIN_FILENO, &byte, 1)
    #else
      let count = unsafe Musl.read(STDIN_FILENO, &byte, 1)
    #endif
    return count == 1 ? byte : nil
  }
}

/// A line shown as it is typed, where the terminal does not do it.
private struct EchoedLine {
  private(set) var bytes: [UInt8] = []

  mutating func take(_ byte: UInt8) {
    switch byte {
    case 0x7F, 0x08: erase(1)
    case 0x15: erase(.max)
    case 0x20...:
      bytes.append(byte)
      // A character of several bytes is shown with its last.
      if let text = String(validating: bytes, as: UTF8.self), let last = text.last { Sink.output.write(String(last)) }
    default: break
    }
  }

  func end() -> String {
    Sink.output.write("\n")
    return String(decoding: bytes, as: UTF8.self)
  }

  private mutating func erase(_ count: Int) {
    let text = String(decoding: bytes, as: UTF8.self)
    let columns = text.columns - text.dropLast(count == .max ? text.count : count).reduce(0) { $0 + String($1).columns }
    Sink.output.write(String(repeating: "\u{8} \u{8}", count: columns))
    bytes = Array(text.dropLast(count == .max ? text.count : count).utf8)
  }
}
