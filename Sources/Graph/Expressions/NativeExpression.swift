/// The part of jq that needs no jq: literals, paths, and simple conditions and sums over them.
///
/// Each yields exactly one value or an error, as jq 1.6 would, except that integers stay exact. Where that is not
/// certain it is ``Failure/unsupported`` and jq decides.
indirect enum NativeExpression: Sendable {
  case literal(JSON)
  case input
  case variable(String)
  case path(NativeExpression, [Step])
  case array([NativeExpression])
  case object([(key: String, value: NativeExpression)])
  case pipe(NativeExpression, NativeExpression)
  case binary(Operator, NativeExpression, NativeExpression)
  case and(NativeExpression, NativeExpression)
  case or(NativeExpression, NativeExpression)
  case alternative(NativeExpression, NativeExpression)
  case not
  case length

  enum Step: Sendable {
    case key(String)
    case index(Int)
    case computed(NativeExpression)
  }

  enum Operator: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case add = "+"
    case subtract = "-"
  }

  enum Failure: Error {
    /// Only jq can tell.
    case unsupported
    case failed(String)
  }

  var literal: JSON? {
    if case .literal(let value) = self { value } else { nil }
  }
}

extension NativeExpression {
  func evaluate(in scope: Scope) throws(Failure) -> JSON {
    let value = try value(of: nil, in: scope)
    guard !builds || value.isNested(atMost: JSONLimits.depth) else {
      throw .failed("nested deeper than \(JSONLimits.depth) levels")
    }
    return value
  }

  /// Whether the value can be deeper than what it is made of.
  private var builds: Bool {
    switch self {
    case .array, .object: true
    case .pipe(let left, let right), .alternative(let left, let right), .binary(_, let left, let right):
      left.builds || right.builds
    case .path(let base, _): base.builds
    case .literal, .input, .variable, .and, .or, .not, .length: false
    }
  }

  /// The value where `input` is `.`; `nil` stands for the state, which is copied only where it is the value.
  private func value(of input: JSON?, in scope: Scope) throws(Failure) -> JSON {
    switch self {
    case .literal(let value): return value
    case .input: return input ?? .object(scope.state)
    case .variable(let name): return scope.variables[name] ?? .null
    case .path(let base, let steps):
      var value = try base.value(of: input, in: scope)
      for step in steps { value = try Self.step(step, into: value, input, scope) }
      return value
    case .array(let items):
      var values: [JSON] = []
      for item in items { values.append(try item.value(of: input, in: scope)) }
      return .array(values)
    case .object(let members):
      var object = JSONObject()
      for member in members { object[member.key] = try member.value.value(of: input, in: scope) }
      return .object(object)
    case .pipe(let left, let right):
      return try right.value(of: try left.value(of: input, in: scope), in: scope)
    case .binary(let operation, let left, let right):
      // jq evaluates the right side first, which shows in the error where both fail.
      let right = try right.value(of: input, in: scope)
      return try Self.apply(operation, try left.value(of: input, in: scope), right)
    case .and(let left, let right):
      guard try left.value(of: input, in: scope).isTruthy else { return .bool(false) }
      return .bool(try right.value(of: input, in: scope).isTruthy)
    case .or(let left, let right):
      if try left.value(of: input, in: scope).isTruthy { return .bool(true) }
      return .bool(try right.value(of: input, in: scope).isTruthy)
    case .alternative(let left, let right):
      let value = try left.value(of: input, in: scope)
      return value.isTruthy ? value : try right.value(of: input, in: scope)
    case .not: return .bool(!(input ?? .object(scope.state)).isTruthy)
    case .length: return try Self.length(of: input ?? .object(scope.state))
    }
  }

  // MARK: Paths

  private static func step(_ step: Step, into value: JSON, _ input: JSON?, _ scope: Scope) throws(Failure) -> JSON {
    switch step {
    case .key(let key): try child(of: value, at: .string(key))
    case .index(let index): try child(of: value, at: .int(index))
    case .computed(let expression): try child(of: value, at: try expression.value(of: input, in: scope))
    }
  }

  private static func child(of value: JSON, at key: JSON) throws(Failure) -> JSON {
    switch (value, key) {
    case (.object(let object), .string(let key)): return object[key] ?? .null
    case (.array(let items), .int(let index)):
      let place = index < 0 ? items.count + index : index
      return items.indices.contains(place) ? items[place] : .null
    case (.null, .string), (.null, .int): return .null
    case (_, .string(let key)): throw .failed("Cannot index \(value.typeName) with \"\(key)\"")
    case (.array, .double), (.null, .double), (.null, .object), (.array, .object), (.string, .object),
      (.array, .array), (.null, .null):
      throw .unsupported
    default: throw .failed("Cannot index \(value.typeName) with \(key.typeName)")
    }
  }

  // MARK: Operators

  private static func apply(_ operation: Operator, _ left: JSON, _ right: JSON) throws(Failure) -> JSON {
    switch operation {
    case .equal: .bool(try JQOrder.areEqual(left, right))
    case .notEqual: .bool(try !JQOrder.areEqual(left, right))
    case .less: .bool(try JQOrder.isLess(left, right))
    case .greater: .bool(try JQOrder.isLess(right, left))
    case .lessOrEqual: .bool(try !JQOrder.isLess(right, left))
    case .greaterOrEqual: .bool(try !JQOrder.isLess(left, right))
    case .add: try sum(left, right)
    case .subtract: try difference(left, right)
    }
  }

  private static func sum(_ left: JSON, _ right: JSON) throws(Failure) -> JSON {
    switch (left, right) {
    case (.null, let other), (let other, .null): return other
    case (.string(let left), .string(let right)):
      guard left.utf8.count + right.utf8.count <= JSONLimits.stringBytes else { throw .unsupported }
      return .string(left + right)
    case (.array(let left), .array(let right)): return .array(left + right)
    case (.int(let left), .int(let right)): return try exact(left.addingReportingOverflow(right))
    default:
      guard let left = left.doubleValue, let right = right.doubleValue else { throw .unsupported }
      return try exact(left + right)
    }
  }

  private static func difference(_ left: JSON, _ right: JSON) throws(Failure) -> JSON {
    if case (.int(let left), .int(let right)) = (left, right) {
      return try exact(left.subtractingReportingOverflow(right))
    }
    guard let left = left.doubleValue, let right = right.doubleValue else { throw .unsupported }
    return try exact(left - right)
  }

  private static func exact(_ sum: (partialValue: Int, overflow: Bool)) throws(Failure) -> JSON {
    guard !sum.overflow, sum.partialValue.magnitude < JQNumbers.exact.magnitude else { throw .unsupported }
    return .int(sum.partialValue)
  }

  private static func exact(_ sum: Double) throws(Failure) -> JSON {
    guard sum.magnitude < Double(JQNumbers.exact) else { throw .unsupported }
    return .number(sum)
  }

  private static func length(of value: JSON) throws(Failure) -> JSON {
    switch value {
    case .null: return 0
    case .bool: throw .failed("boolean (\(value.text)) has no length")
    case .int(let number):
      guard number.magnitude <= JQNumbers.exact.magnitude else { throw .unsupported }
      return .int(abs(number))
    case .double(let number): return .number(number.magnitude)
    case .string(let text): return .int(text.unicodeScalars.count)
    case .array(let items): return .int(items.count)
    case .object(let object): return .int(object.count)
    }
  }
}
