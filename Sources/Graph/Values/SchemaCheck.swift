extension JSON {
  /// How many values this is, itself and all inside.
  fileprivate var size: Int {
    switch self {
    case .null, .bool, .int, .double, .string: 1
    case .array(let items): items.reduce(1) { $0 + $1.size }
    case .object(let object): object.reduce(1) { $0 + $1.value.size }
    }
  }
}

/// Holds one value to a schema.
struct SchemaCheck {
  private static let maxViolations = 20

  /// Steps before a schema counts as too costly: references can multiply.
  private let maxSteps: Int

  private(set) var violations: [JSONSchemaError] = []
  private let schema: JSONSchema
  private var steps = 0

  /// References being followed at the current place, to see one that leads to itself.
  private var trail: [String] = []

  init(schema: JSONSchema, for value: JSON) {
    self.schema = schema
    maxSteps = 100_000 + 50 * value.size
  }

  mutating func hold(_ value: JSON, to document: JSON, at place: String) {
    steps += 1
    guard violations.count < Self.maxViolations else { return }
    guard steps <= maxSteps else {
      if steps == maxSteps + 1 { add(place, "is too costly to check with this schema") }
      return
    }
    guard case .object(let keywords) = document else {
      if document == .bool(false) { add(place, "is not allowed") }
      return
    }
    if let wrong = typeMismatch(value, keywords) { return add(place, wrong) }
    holdToValues(value, keywords, at: place)
    holdToCombinations(value, keywords, at: place)
    switch value {
    case .int, .double: holdNumber(value, keywords, at: place)
    case .string(let text): holdString(text, keywords, at: place)
    case .array(let items): hold(items: items, keywords, at: place)
    case .object(let object): hold(object: object, keywords, at: place)
    case .null, .bool: break
    }
  }

  /// Holds the items that a list of `count` grows by to what `keywords` say of it.
  mutating func hold(_ items: [JSON], after count: Int, to keywords: JSONObject) {
    if let wrong = typeMismatch(.array(items), keywords) { return add("", wrong) }
    hold(count: count + items.count, "minItems", "maxItems", of: "item", keywords, at: "")
    guard let schema = keywords["items"] else { return }
    for (index, item) in items.enumerated() { hold(item, to: schema, at: "".pointer(count + index)) }
  }

  private mutating func add(_ place: String, _ message: String) {
    violations.append(JSONSchemaError(place: place, message: message))
  }

  /// Whether `value` fits, without a word about why not.
  private mutating func fits(_ value: JSON, _ document: JSON, at place: String) -> Bool {
    let kept = violations
    violations = []
    hold(value, to: document, at: place)
    defer { violations = kept }
    return violations.isEmpty
  }

  // MARK: Any value

  private func typeMismatch(_ value: JSON, _ keywords: JSONObject) -> String? {
    guard let type = keywords["type"] else { return nil }
    let names = (type.arrayValue ?? [type]).compactMap(\.stringValue)
    guard !names.contains(where: { Self.isType($0, value) }) else { return nil }
    return "must be \(names.map(Self.article).joined(separator: " or ")), is \(Self.shown(value))"
  }

  private static func isType(_ name: String, _ value: JSON) -> Bool {
    guard name == "integer" else { return value.typeName == name }
    return if case .double(let number) = value { number.rounded() == number } else { value.intValue != nil }
  }

  private static func article(_ type: String) -> String {
    type == "null" ? type : (["array", "integer", "object"].contains(type) ? "an " : "a ") + type
  }

  /// A value's type, and the value itself where it is short.
  private static func shown(_ value: JSON) -> String {
    switch value {
    case .null: return "null"
    case .array(let items): return "an array of \(items.count)"
    case .object: return "an object"
    case .bool, .int, .double, .string:
      let text = value.text
      return "\(value.typeName) \(text.count > 60 ? text.prefix(59) + "…" : text)"
    }
  }

  private mutating func holdToValues(_ value: JSON, _ keywords: JSONObject, at place: String) {
    if let choices = keywords["enum"]?.arrayValue, !choices.contains(value) {
      let list = choices.prefix(12).map(\.text).joined(separator: ", ")
      add(place, "must be one of \(list)\(choices.count > 12 ? ", …" : ""), is \(Self.shown(value))")
    }
    if let constant = keywords["const"], constant != value {
      add(place, "must be \(constant.text), is \(Self.shown(value))")
    }
  }

  private mutating func holdToCombinations(_ value: JSON, _ keywords: JSONObject, at place: String) {
    if let reference = keywords["$ref"]?.stringValue { follow(reference, value, at: place) }
    for part in keywords["allOf"]?.arrayValue ?? [] { hold(value, to: part, at: place) }
    if let parts = keywords["anyOf"]?.arrayValue, !parts.contains(where: { fits(value, $0, at: place) }) {
      add(place, "fits none of \(parts.count) alternatives\(nearest(value, parts, at: place))")
    }
    if let parts = keywords["oneOf"]?.arrayValue {
      let count = parts.count { fits(value, $0, at: place) }
      if count == 0 { add(place, "fits none of \(parts.count) alternatives\(nearest(value, parts, at: place))") }
      if count > 1 { add(place, "fits \(count) alternatives, must fit exactly one") }
    }
    if let not = keywords["not"], fits(value, not, at: place) { add(place, "fits what it must not (not)") }
    if let condition = keywords["if"] {
      let branch = fits(value, condition, at: place) ? keywords["then"] : keywords["else"]
      if let branch { hold(value, to: branch, at: place) }
    }
  }

  /// What the alternative of the value's own type misses, where there is just one.
  private mutating func nearest(_ value: JSON, _ parts: [JSON], at place: String) -> String {
    let candidates = parts.filter { part in part.objectValue.map { typeMismatch(value, $0) == nil } ?? false }
    guard candidates.count == 1 else { return ", is \(Self.shown(value))" }
    let kept = violations
    violations = []
    hold(value, to: candidates[0], at: place)
    defer { violations = kept }
    return violations.first.map { ": \($0.description)" } ?? ""
  }

  private mutating func follow(_ reference: String, _ value: JSON, at place: String) {
    let step = "\(reference) \(place)"
    guard !trail.contains(step) else { return add(place, "the schema's \(reference) leads to itself") }
    trail.append(step)
    defer { trail.removeLast() }
    if let target = schema.document.resolved(reference) { hold(value, to: target, at: place) }
  }

  // MARK: Numbers and strings

  private mutating func holdNumber(_ value: JSON, _ keywords: JSONObject, at place: String) {
    if let bound = keywords["minimum"], Self.isLess(value, bound) {
      add(place, "must be at least \(bound.text), is \(value.text)")
    }
    if let bound = keywords["maximum"], Self.isLess(bound, value) {
      add(place, "must be at most \(bound.text), is \(value.text)")
    }
    if let bound = keywords["exclusiveMinimum"], !Self.isLess(bound, value) {
      add(place, "must be more than \(bound.text), is \(value.text)")
    }
    if let bound = keywords["exclusiveMaximum"], !Self.isLess(value, bound) {
      add(place, "must be less than \(bound.text), is \(value.text)")
    }
    if let factor = keywords["multipleOf"], !Self.isMultiple(value, of: factor) {
      add(place, "must be a multiple of \(factor.text), is \(value.text)")
    }
  }

  private static func isLess(_ left: JSON, _ right: JSON) -> Bool {
    if case (.int(let left), .int(let right)) = (left, right) { return left < right }
    return (left.doubleValue ?? 0) < (right.doubleValue ?? 0)
  }

  private static func isMultiple(_ value: JSON, of factor: JSON) -> Bool {
    if case (.int(let value), .int(let factor)) = (value, factor) { return value % factor == 0 }
    let quotient = (value.doubleValue ?? 0) / (factor.doubleValue ?? 1)
    // 0.3 is a multiple of 0.1, whatever doubles say.
    return abs(quotient - quotient.rounded()) <= 1e-9 * max(1, abs(quotient))
  }

  private mutating func holdString(_ text: String, _ keywords: JSONObject, at place: String) {
    if keywords["minLength"] != nil || keywords["maxLength"] != nil {
      hold(count: text.unicodeScalars.count, "minLength", "maxLength", of: "character", keywords, at: place)
    }
    if let pattern = keywords["pattern"]?.stringValue, !matches(text, pattern) {
      add(place, "must match \(pattern), is \(Self.shown(.string(text)))")
    }
  }

  private func matches(_ text: String, _ pattern: String) -> Bool {
    schema.patterns[pattern]?.matches(text) ?? true
  }

  private mutating func hold(
    count: Int, _ least: String, _ most: String, of unit: String, _ keywords: JSONObject, at place: String
  ) {
    if let bound = keywords[least]?.intValue, count < bound {
      add(place, "must have at least \(bound) \(unit)\(bound == 1 ? "" : "s"), has \(count)")
    }
    if let bound = keywords[most]?.intValue, count > bound {
      add(place, "must have at most \(bound) \(unit)\(bound == 1 ? "" : "s"), has \(count)")
    }
  }

  // MARK: Lists and objects

  private mutating func hold(items: [JSON], _ keywords: JSONObject, at place: String) {
    hold(count: items.count, "minItems", "maxItems", of: "item", keywords, at: place)
    if keywords["uniqueItems"] == true {
      var seen: Set<JSON> = []
      if let index = items.firstIndex(where: { !seen.insert($0).inserted }) {
        add(place.pointer(index), "repeats an earlier item")
      }
    }
    let prefix = keywords["prefixItems"]?.arrayValue ?? []
    for (index, item) in items.enumerated() {
      guard let schema = index < prefix.count ? prefix[index] : keywords["items"] else { break }
      hold(item, to: schema, at: place.pointer(index))
    }
  }

  private mutating func hold(object: JSONObject, _ keywords: JSONObject, at place: String) {
    hold(count: object.count, "minProperties", "maxProperties", of: "key", keywords, at: place)
    for name in keywords["required"]?.arrayValue?.compactMap(\.stringValue) ?? [] where object[name] == nil {
      add(place, "\"\(name)\" is missing")
    }
    for (key, value) in object { hold(member: key, value, keywords, at: place) }
  }

  private mutating func hold(member key: String, _ value: JSON, _ keywords: JSONObject, at place: String) {
    let here = place.pointer(key)
    if let names = keywords["propertyNames"], !fits(.string(key), names, at: here) {
      add(here, "the key itself does not fit propertyNames")
    }
    var isKnown = false
    if let schema = keywords["properties"]?[key] {
      isKnown = true
      hold(value, to: schema, at: here)
    }
    for (pattern, schema) in keywords["patternProperties"]?.objectValue ?? [:] where matches(key, pattern) {
      isKnown = true
      hold(value, to: schema, at: here)
    }
    guard !isKnown, let rest = keywords["additionalProperties"] else { return }
    if rest == false {
      let known = keywords["properties"]?.objectValue?.keys.sorted() ?? []
      add(here, "unknown key\(known.isEmpty ? "" : "; there are \(known.joined(separator: ", "))")")
    } else {
      hold(value, to: rest, at: here)
    }
  }
}
