/// jq's equality and order, where they are plain.
enum JQOrder {
  static func areEqual(_ left: JSON, _ right: JSON) throws(NativeExpression.Failure) -> Bool {
    switch (left, right) {
    case (.null, .null): return true
    case (.bool(let left), .bool(let right)): return left == right
    case (.int(let left), .int(let right)): return left == right
    case (.int, .double), (.double, .int), (.double, .double): return try double(left) == double(right)
    case (.string(let left), .string(let right)): return left.hasSameBytes(as: right)
    case (.array(let left), .array(let right)):
      guard left.count == right.count else { return false }
      for (left, right) in zip(left, right) where try !areEqual(left, right) { return false }
      return true
    case (.object(let left), .object(let right)):
      guard left.count == right.count else { return false }
      for (key, value) in left {
        guard let other = right[key], try areEqual(value, other) else { return false }
      }
      return true
    default: return false
    }
  }

  static func isLess(_ left: JSON, _ right: JSON) throws(NativeExpression.Failure) -> Bool {
    switch (left, right) {
    case (.int(let left), .int(let right)): return left < right
    case (.int, .double), (.double, .int), (.double, .double): return try double(left) < double(right)
    case (.string(let left), .string(let right)): return left.utf8.lexicographicallyPrecedes(right.utf8)
    case (.array, .array), (.object, .object): throw .unsupported
    default: return rank(left) < rank(right)
    }
  }

  private static func rank(_ value: JSON) -> Int {
    switch value {
    case .null: 0
    case .bool(false): 1
    case .bool(true): 2
    case .int, .double: 3
    case .string: 4
    case .array: 5
    case .object: 6
    }
  }

  private static func double(_ value: JSON) throws(NativeExpression.Failure) -> Double {
    guard JQNumbers.inexact(value) == nil, let number = value.doubleValue else { throw .unsupported }
    return number
  }
}
