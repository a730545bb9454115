import Foundation
package import Graph
import Synchronization

/// Replaces secret values by `***` in everything stored, printed or streamed (RELIABILITY R18).
///
/// A value is found as it is, in base64 at each of its three alignments, in hex, URL-encoded, JSON-escaped and quoted for
/// the shell, each as the common tools write it; of a key of several lines, each of its own lines too.
package struct SecretMask: Sendable {
  package static let shortest = 6

  /// Masks nothing.
  package static let none = SecretMask([])

  /// What to look for, by its first byte; the longest first, so that a quoted form goes before the value in it.
  private let needles: [[[UInt8]]]
  private let longest: Int

  /// A value could be a number, or part of one.
  private let isNumber: Bool

  package init(_ values: some Sequence<String>) {
    var found: Set<[UInt8]> = []
    for value in values where value.utf8.count >= Self.shortest {
      for form in Self.forms(of: value) + Self.lines(of: value) where form.count >= Self.shortest { found.insert(form) }
    }
    self.init(needles: found)
  }

  private init(needles found: Set<[UInt8]>) {
    longest = found.map(\.count).max() ?? 0
    var needles = found.isEmpty ? [] : [[[UInt8]]](repeating: [], count: 256)
    for needle in found.sorted(by: { $0.count > $1.count }) { needles[Int(needle[0])].append(needle) }
    self.needles = needles
    isNumber = found.contains { $0.allSatisfy("0123456789+-.eE".utf8.contains) }
  }

  package var isEmpty: Bool { needles.isEmpty }

  /// Masks what either does.
  package func union(_ other: SecretMask) -> SecretMask {
    if other.isEmpty { return self }
    return isEmpty ? other : SecretMask(needles: Set(needles.joined()).union(other.needles.joined()))
  }

  package func mask(_ text: String) -> String {
    guard !isEmpty else { return text }
    return replace(in: Array(text.utf8), goesOn: false).map { String(decoding: $0.ready, as: UTF8.self) } ?? text
  }

  package func mask(_ bytes: [UInt8]) -> [UInt8] {
    guard !isEmpty else { return bytes }
    return replace(in: bytes, goesOn: false)?.ready ?? bytes
  }

  /// `value` with every string in it masked, keys included.
  package func mask(_ value: JSON) -> JSON {
    guard !isEmpty else { return value }
    switch value {
    case .null, .bool: return value
    case .int, .double: return isNumber ? maskNumber(value) : value
    case .string(let text): return .string(mask(text))
    case .array(let items): return .array(items.map(mask))
    case .object(let object): return .object(JSONObject(object.map { (mask($0.key), mask($0.value)) }))
    }
  }

  package func mask(_ values: JSONObject) -> JSONObject {
    isEmpty ? values : mask(.object(values)).objectValue ?? [:]
  }

  /// `triggers` with the items of fan-outs masked.
  func mask(_ triggers: [Trigger]) -> [Trigger] {
    guard !isEmpty else { return triggers }
    return triggers.map { trigger in
      guard case .fanOut(let node, let items, let parallel) = trigger else { return trigger }
      return .fanOut(node, items: items.map(mask), parallel: parallel)
    }
  }

  func mask(_ writes: [ChannelWrite]) -> [ChannelWrite] {
    isEmpty ? writes : writes.map { ChannelWrite($0.channel, mask($0.value)) }
  }

  private func maskNumber(_ value: JSON) -> JSON {
    let text = value.text
    let masked = mask(text)
    return masked == text ? value : .string(masked)
  }

  /// `bytes` masked; where it goes on, without what is held back, as it may begin a secret that a chunk's end cuts. `nil`
  /// when nothing changes.
  fileprivate func replace(in bytes: [UInt8], goesOn: Bool) -> (ready: [UInt8], held: [UInt8])? {
    var ready: [UInt8] = []
    var (done, index) = (0, 0)
    while index < bytes.count {
      guard !needles[Int(bytes[index])].isEmpty else {
        index += 1
        continue
      }
      if goesOn, couldContinue(bytes, from: index) {
        return (ready + bytes[done..<index], Array(bytes[index...]))
      }
      guard let count = needle(in: bytes, at: index) else {
        index += 1
        continue
      }
      ready += bytes[done..<index]
      ready += Array("***".utf8)
      index += count
      done = index
    }
    return done > 0 || goesOn ? (ready + bytes[done...], []) : nil
  }

  /// How long the longest needle is that stands at `index`.
  private func needle(in bytes: [UInt8], at index: Int) -> Int? {
    needles[Int(bytes[index])].first { $0.count <= bytes.count - index && Self.agree($0, bytes[index...]) }?.count
  }

  /// Whether all from `index` on is the beginning of a needle that goes on.
  private func couldContinue(_ bytes: [UInt8], from index: Int) -> Bool {
    let count = bytes.count - index
    guard count < longest else { return false }
    return needles[Int(bytes[index])].contains { $0.count > count && Self.agree($0, bytes[index...]) }
  }

  /// Whether two are equal as far as both go.
  private static func agree(_ left: [UInt8], _ right: ArraySlice<UInt8>) -> Bool {
    var place = right.startIndex
    for byte in left {
      guard place < right.endIndex else { return true }
      guard right[place] == byte else { return false }
      place += 1
    }
    return true
  }

  private static func forms(of value: String) -> [[UInt8]] {
    let bytes = Array(value.utf8)
    var forms = [bytes]
    for shift in 0..<3 {
      let core = base64Core(bytes, shift: shift)
      forms += [core, core.map { $0 == UInt8(ascii: "+") ? 0x2D : $0 == UInt8(ascii: "/") ? 0x5F : $0 }]
    }
    let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    forms += [hex, hex.uppercased()].map { Array($0.utf8) }
    return forms + texts(of: value).map { Array($0.utf8) }
  }

  /// The lines of a key that has several, as steps and we take output apart by lines. Words are no keys, and the first and
  /// last line of one are everybody's.
  private static func lines(of value: String) -> [[UInt8]] {
    guard value.contains(where: \.isNewline) else { return [] }
    let whole = value.trimmingCharacters(in: .whitespacesAndNewlines)
    let lines = value.split(whereSeparator: \.isNewline).filter { line in
      line.utf8.count >= 16 && !line.contains(where: \.isWhitespace)
    }
    return [Array(whole.utf8)] + lines.map { Array($0.utf8) }
  }

  /// The value as other programs escape it.
  private static func texts(of value: String) -> [String] {
    let json = String(JSON.string(value).text.dropFirst().dropLast())
    let ascii = JSON.escapedToASCII(json)
    var texts = [json, ascii, json.replacing("/", with: "\\/"), ascii.replacing("/", with: "\\/")]
    texts += texts.map { String(JSON.string($0).text.dropFirst().dropLast()) }
    texts += ["'\\''", "'\"'\"'"].map { value.replacing("'", with: $0) }
    for kept in ["-._~", "-._~/", "-._~!*'()"] {
      let plain = CharacterSet(charactersIn: letters + kept)
      guard let encoded = value.addingPercentEncoding(withAllowedCharacters: plain) else { continue }
      texts += [encoded, encoded.replacing("%20", with: "+"), lowercasedHex(encoded)]
    }
    return texts
  }

  private static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

  /// `%2F` as `%2f`.
  private static func lowercasedHex(_ encoded: String) -> String {
    var (text, digits) = ("", 0)
    for character in encoded {
      text += digits > 0 ? character.lowercased() : String(character)
      digits = character == "%" ? 2 : max(0, digits - 1)
    }
    return text
  }

  /// The base64 characters that depend on `bytes` alone when `shift` bytes stand before them.
  private static func base64Core(_ bytes: [UInt8], shift: Int) -> [UInt8] {
    let padded = [UInt8](repeating: 0, count: shift) + bytes
    let text = Array(Data(padded).base64EncodedString().utf8.filter { $0 != UInt8(ascii: "=") })
    let leading = shift == 0 ? 0 : shift + 1
    let trailing = padded.count % 3 == 0 ? 0 : 1
    guard text.count > leading + trailing else { return [] }
    return Array(text[leading..<(text.count - trailing)])
  }
}

extension SecretMask {
  /// The beginning of what is cut: masked, without what may begin a secret that the cut goes through.
  package func mask(beginning bytes: [UInt8]) -> (bytes: [UInt8], dropped: Int) {
    guard !isEmpty, let (ready, held) = replace(in: bytes, goesOn: true) else { return (bytes, 0) }
    return (ready, held.count)
  }

  /// The end of what is cut: masked, without what may end a secret that the cut goes through.
  package func mask(end bytes: [UInt8]) -> (bytes: [UInt8], dropped: Int) {
    guard !isEmpty else { return (bytes, 0) }
    let dropped = restOfNeedle(in: bytes)
    return (mask(Array(bytes[dropped...])), dropped)
  }

  /// How many bytes at the beginning may end a secret, with those of secrets that begin in them.
  fileprivate func restOfNeedle(in bytes: [UInt8]) -> Int {
    var end = needles.joined().map { Self.overlap($0, bytes) }.max() ?? 0
    var index = 0
    while index < end {
      if let count = needle(in: bytes, at: index) { end = max(end, index + count) }
      index += 1
    }
    return end
  }

  /// Whether all of `bytes` may stand in the middle of a secret.
  fileprivate func mayBeMiddle(_ bytes: [UInt8]) -> Bool {
    guard bytes.count < longest else { return false }
    return needles.joined().contains { needle in
      needle.count > bytes.count
        && (0..<(needle.count - bytes.count)).contains { Self.agree(bytes, needle[$0...]) }
    }
  }

  /// How many bytes `needle` ends with that `bytes` begins with, but for all of it.
  private static func overlap(_ needle: [UInt8], _ bytes: [UInt8]) -> Int {
    let most = min(needle.count - 1, bytes.count)
    return (1..<(most + 1)).last { agree(bytes, needle[(needle.count - $0)...]) } ?? 0
  }
}

/// Masks a stream: a secret that two chunks share is found, and halves of one that something was left out of.
package final class SecretStream: Sendable {
  private struct State {
    var held: [UInt8] = []

    /// What comes next may be the end of a secret.
    var isAfterCut = false
  }

  private let mask: SecretMask
  private let state = Mutex(State())

  package init(_ mask: SecretMask) {
    self.mask = mask
  }

  /// What of `text` (and of what was held back before) may be shown now.
  package func pass(_ text: String) -> String {
    guard !mask.isEmpty else { return text }
    return state.withLock { state in
      var bytes = state.held + Array(text.utf8)
      if state.isAfterCut {
        guard !mask.mayBeMiddle(bytes) else {
          state.held = bytes
          return ""
        }
        bytes.removeFirst(mask.restOfNeedle(in: bytes))
        state.isAfterCut = false
      }
      guard let (ready, held) = mask.replace(in: bytes, goesOn: true) else { return text }
      state.held = held
      return String(decoding: ready, as: UTF8.self)
    }
  }

  /// Something is left out here: what was held back is not shown.
  ///
  /// - Returns: how many bytes that were.
  package func cut() -> Int {
    guard !mask.isEmpty else { return 0 }
    return state.withLock { state in
      defer { state = State(isAfterCut: true) }
      return state.held.count
    }
  }

  /// What was held back, at the stream's end.
  package func finish() -> String {
    state.withLock { state in
      defer { state = State() }
      let last = state.isAfterCut ? mask.mask(end: state.held).bytes : mask.mask(state.held)
      return String(decoding: last, as: UTF8.self)
    }
  }
}

extension JSON {
  /// JSON text with everything but ASCII as `\u` escapes, as many programs write it.
  fileprivate static func escapedToASCII(_ text: String) -> String {
    text.utf16.map { unit in
      guard unit > 0x7E else { return String(UnicodeScalar(UInt8(unit))) }
      let digits = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }
}
