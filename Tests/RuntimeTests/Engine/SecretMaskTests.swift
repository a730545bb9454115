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
}
