import Foundation
import Graph
import Testing

@testable import GraphRuntime

@Suite("Masking")
struct SecretMaskTests {
  static let secret = #"pa"ss w\o+rd/ü?$5'x"#

  /// The value as `sh`, Python, JavaScript, curl and others write it.
  static let forms: [String] = [
    secret, Data(secret.utf8).base64EncodedString(), #"pa\"ss w\\o+rd/ü?$5'x"#, #"pa\"ss w\\o+rd\/ü?$5'x"#,
    #"pa\"ss w\\o+rd/\u00fc?$5'x"#, #"pa\\\"ss w\\\\o+rd/ü?$5'x"#, #"pa\\\"ss w\\\\o+rd/\\u00fc?$5'x"#,
    "'" + secret.replacing("'", with: #"'\''"#) + "'", "'" + secret.replacing("'", with: #"'"'"'"#) + "'",
    "pa%22ss%20w%5Co%2Brd%2F%C3%BC%3F%245%27x", "pa%22ss+w%5Co%2Brd%2F%C3%BC%3F%245%27x",
    "pa%22ss%20w%5co%2brd%2f%c3%bc%3f%245%27x", "pa%22ss%20w%5Co%2Brd/%C3%BC%3F%245%27x",
    "pa%22ss%20w%5Co%2Brd%2F%C3%BC%3F%245'x", "706122737320775c6f2b72642fc3bc3f24352778",
    "706122737320775C6F2B72642FC3BC3F24352778",
  ]

  @Test(arguments: forms)
  func `finds a secret however it is written`(form: String) {
    let masked = SecretMask([Self.secret]).mask("<\(form)>")
    #expect(masked.contains("***") && !masked.contains("ss") && !masked.contains("rd"), "\(masked)")
  }

  @Test(arguments: 0..<3)
  func `finds it in base64 of either alphabet, whatever stands before`(count: Int) {
    let value = "??>>secret~~\u{FF}value??>>"
    let encoded = Data((String(repeating: "x", count: count) + value).utf8).base64EncodedString()
    for text in [encoded, encoded.replacing("+", with: "-").replacing("/", with: "_")] {
      #expect(SecretMask([value]).mask(text).contains("***"), "\(text)")
    }
  }

  /// Of its letters none stands in what else is printed.
  private static let letters = "qwxzqxwzzq"
  private static let text = "1. \(letters)|\(letters) 2. \(letters)\(letters) 3."

  private func shows(_ text: String) -> Bool { text.contains { Self.letters.contains($0) } }

  @Test(arguments: 0...text.utf8.count)
  func `neither side of a cut shows a part of a secret`(cut: Int) {
    let mask = SecretMask([Self.letters])
    let bytes = Array(Self.text.utf8)
    let beginning = mask.mask(beginning: Array(bytes[..<cut]))
    let end = mask.mask(end: Array(bytes[cut...]))
    for side in [beginning.bytes, end.bytes] { #expect(!shows(String(decoding: side, as: UTF8.self))) }
    #expect(beginning.dropped < Self.letters.utf8.count && end.dropped < 2 * Self.letters.utf8.count)
    #expect(end.bytes.isEmpty || end.bytes.last == UInt8(ascii: "."))
  }

  @Test(arguments: 0...text.utf8.count, [1, 3, 7])
  func `nor does a stream that something is left out of`(cut: Int, size: Int) {
    let stream = SecretStream(SecretMask([Self.letters]))
    let characters = Array(Self.text)
    var shown = ""
    func pass(_ part: ArraySlice<Character>) {
      for start in stride(from: part.startIndex, to: part.endIndex, by: size) {
        shown += stream.pass(String(part[start..<min(part.endIndex, start + size)]))
      }
    }
    pass(characters[..<cut])
    _ = stream.cut()
    pass(characters[cut...])
    shown += stream.finish()
    #expect(!shows(shown), "\(shown)")
    #expect(cut == characters.count || shown.hasSuffix("3.") || cut > characters.count - 3, "\(shown)")
  }

  @Test func `a stream shows nothing of a secret that begins like another`() {
    let stream = SecretStream(SecretMask(["qwxzqx", "qwxzqxwzzq"]))
    let shown = stream.pass("a qwxzqx") + stream.pass("wzzq b") + stream.finish()
    #expect(shown == "a *** b")
  }

  @Test func `each line of a key is found, and what every key has is not`() {
    let lines = ["MIIEvQIBADANBgkqhkiG9w0B", "AQEFAASCBKcwggSjAgEAAoIB"]
    let mask = SecretMask(["-----BEGIN KEY-----\n\(lines[0])\n\(lines[1])\n-----END KEY-----\n"])
    #expect(mask.mask("1: \(lines[1])\n2: \(lines[0])") == "1: ***\n2: ***")
    #expect(mask.mask("-----BEGIN KEY-----") == "-----BEGIN KEY-----")
    #expect(mask.mask("-----BEGIN KEY-----\n\(lines[0])\n\(lines[1])\n-----END KEY-----") == "***")
  }
}
