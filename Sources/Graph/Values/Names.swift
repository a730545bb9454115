/// A name an author gave: what a node, a channel or a thread is called.
///
/// At most 128 characters. Literals in code are trusted; text from outside goes through `init(checking:)`.
public protocol Name: RawRepresentable<String>, Sendable, Hashable, Comparable, CustomStringConvertible,
  ExpressibleByStringLiteral
{
  init(rawValue: String)

  /// What the name may look like, in words, for messages.
  static var rule: String { get }

  /// Whether `character` may stand at `index` of the name.
  static func allows(_ character: Unicode.Scalar, at index: Int) -> Bool

  /// Names that fit the rule and still may not be given.
  static var reserved: Set<String> { get }
}

extension Name {
  public init(stringLiteral value: String) { self.init(rawValue: value) }

  /// The name `text` spells, or `nil` where it breaks ``rule``.
  public init?(checking text: String) {
    guard Self.isValid(text) else { return nil }
    self.init(rawValue: text)
  }

  public static func isValid(_ text: String) -> Bool {
    let scalars = text.unicodeScalars
    guard (1...128).contains(scalars.count), !reserved.contains(text) else { return false }
    return scalars.enumerated().allSatisfy { allows($0.element, at: $0.offset) }
  }

  public static var reserved: Set<String> { [] }
  public var description: String { rawValue }
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

public struct ChannelName: Name {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }

  public static var rule: String { "a letter or _ first, then letters, digits and _; at most 128" }

  public static func allows(_ character: Unicode.Scalar, at index: Int) -> Bool {
    character.isLetter || character == "_" || (index > 0 && character.isDigit)
  }
}

public struct NodeName: Name {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }

  public static var rule: String {
    "a letter or _ first, then letters, digits, _ and -; at most 128; not start, end or input"
  }
  public static var reserved: Set<String> { ["start", "end", "input"] }

  public static func allows(_ character: Unicode.Scalar, at index: Int) -> Bool {
    character.isLetter || character == "_" || (index > 0 && (character.isDigit || character == "-"))
  }
}

extension Unicode.Scalar {
  package var isLetter: Bool { ("a"..."z").contains(self) || ("A"..."Z").contains(self) }
  package var isDigit: Bool { ("0"..."9").contains(self) }
}
