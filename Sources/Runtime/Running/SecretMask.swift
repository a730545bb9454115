import Foundation
package import Graph
import Synchronization

/// Replaces secret values by `***` in everything stored, printed or streamed (RELIABILITY R18).
///
/// A value is found as it is, in base64 at each of its three alignments, in hex, URL-encoded, JSON-escaped and quoted for
/// the shell, each as the common tools write it.
package struct SecretMask: Sendable {
  package static let shortest = 6

  /// What to look for, longest first, so that a quoted form goes before the value in it.
  private let needles: [[UInt8]]
  private let firsts: Set<UInt8>

  /// A value could be a number, or part of one.
  private let isNumber: Bool

  package init(_ values: some Sequence<String>) {
    var found: Set<[UInt8]> = []
    for value in values where value.utf8.count >= Self.shortest {
      for form in Self.forms(of: value) where form.count >= Self.shortest { found.insert(form) }
    }
    needles = found.sorted { ($0.count, $0.lexicographicallyPrecedes($1) ? 1 : 0) > ($1.count, 0) }
    firsts = Set(needles.compactMap(\.first))
    isNumber = needles.contains { $0.allSatisfy("0123456789+-.eE".utf8.contains) }
  }

  var isEmpty: Bool { needles.isEmpty }

  package func mask(_ text: String) -> String {
    guard !isEmpty else { return text }
    var bytes = Array(text.utf8)
    return replace(in: &bytes, keepingTail: false).map { String(decoding: $0.ready, as: UTF8.self) } ?? text
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

  private func maskNumber(_ value: JSON) -> JSON {
    let text = value.text
    let masked = mask(text)
    return masked == text ? value : .string(masked)
  }

  /// `bytes` masked, split so that a secret cut by a chunk's end is held back: `nil` when nothing changes.
  fileprivate func replace(in bytes: inout [UInt8], keepingTail: Bool) -> (ready: [UInt8], held: [UInt8])? {
    var ready: [UInt8] = []
    var changed = false
    var index = 0
    scan: while index < bytes.count {
      if firsts.contains(bytes[index]) {
        for needle in needles where bytes[index...].starts(with: needle) {
          ready += Array("***".utf8)
          index += needle.count
          changed = true
          continue scan
        }
        if keepingTail, couldContinue(bytes[index...]) {
          return (ready, Array(bytes[index...]))
        }
      }
      ready.append(bytes[index])
      index += 1
    }
    return changed || keepingTail ? (ready, []) : nil
  }

  /// Whether all of `tail` is the beginning of a needle that goes on.
  private func couldContinue(_ tail: ArraySlice<UInt8>) -> Bool {
    needles.contains { $0.count > tail.count && $0.starts(with: tail) }
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

/// Masks a stream: a secret that two chunks share is found.
final class SecretStream: Sendable {
  private let mask: SecretMask
  private let held = Mutex<[UInt8]>([])

  init(_ mask: SecretMask) {
    self.mask = mask
  }

  /// What of `text` (and of what was held back before) may be shown now.
  func pass(_ text: String) -> String {
    guard !mask.isEmpty else { return text }
    return held.withLock { held in
      var bytes = held + Array(text.utf8)
      guard let (ready, tail) = mask.replace(in: &bytes, keepingTail: true) else { return text }
      held = tail
      return String(decoding: ready, as: UTF8.self)
    }
  }

  /// What was held back, at the stream's end.
  func finish() -> String {
    held.withLock { held in
      defer { held = [] }
      return mask.mask(String(decoding: held, as: UTF8.self))
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
