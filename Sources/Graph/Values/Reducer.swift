/// How a write folds into a channel's value.
public enum Reducer: Sendable, Hashable {
  case replace, append, sum, min, max, merge, union, messages, last, ephemeral, untracked

  /// One that a program brings along.
  case custom(CustomReducer)

  /// The value of a channel that was never written and has no default; `nil` is absent.
  public var start: JSON? {
    switch self {
    case .append, .union, .messages: .array([])
    case .sum: .int(0)
    case .merge: .object([:])
    case .replace, .min, .max, .last, .ephemeral, .untracked: nil
    case .custom(let reducer): reducer.start
    }
  }
}

/// A reducer of a program's own, known by its name: two of one name are taken for the same, so that a change of what it
/// does is a change of its name (DESIGN rule 10).
public struct CustomReducer: Sendable, Hashable {
  public let name: String

  /// The value before any write.
  public let start: JSON

  /// The value after a write: pure, as it may be asked again. What it throws fails the writer with kind `type`.
  public let fold: @Sendable (JSON, JSON) throws -> JSON

  public init(_ name: String, start: JSON, fold: @escaping @Sendable (JSON, JSON) throws -> JSON) {
    self.name = name
    self.start = start
    self.fold = fold
  }

  public static func == (left: Self, right: Self) -> Bool { left.name == right.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension Reducer: RawRepresentable, CaseIterable, CustomStringConvertible {
  /// Those that come with graphrun.
  public static let allCases: [Reducer] = [
    .replace, .append, .sum, .min, .max, .merge, .union, .messages, .last, .ephemeral, .untracked,
  ]

  public init?(rawValue: String) {
    guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
    self = known
  }

  /// As `reduce:` spells it.
  public var rawValue: String {
    switch self {
    case .replace: "replace"
    case .append: "append"
    case .sum: "sum"
    case .min: "min"
    case .max: "max"
    case .merge: "merge"
    case .union: "union"
    case .messages: "messages"
    case .last: "last"
    case .ephemeral: "ephemeral"
    case .untracked: "untracked"
    case .custom(let reducer): reducer.name
    }
  }

  public var description: String { rawValue }
}
