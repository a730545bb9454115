import OrderedCollections

/// What a node kind's fields look like in a file.
///
/// The reader, the JSON Schema and the documentation come from this one description.
public struct NodeFormat: Sendable {
  /// The key that makes a node one of this kind, for instance `shell`.
  public var kind: String

  /// One or two sentences for editors and the documentation.
  public var description: String
  public var body: Body

  /// What a task of this kind does to the world when the node does not say (`effects:`).
  public var effects: DefaultEffects

  /// The kind whose `defaults:` lie beneath its own, for the fields that both have.
  public var base: String?

  public init(
    kind: String, description: String, body: Body, effects: DefaultEffects = .repeatable, base: String? = nil
  ) {
    self.kind = kind
    self.description = description
    self.body = body
    self.effects = effects
    self.base = base
  }

  /// A kind with known fields; `shorthand` is the one that a value which is no map stands for.
  public init(
    kind: String, description: String, fields: [FieldFormat], shorthand: String? = nil, exactlyOne: [[String]] = [],
    atMostOne: [[String]] = [], effects: DefaultEffects = .repeatable, base: String? = nil
  ) {
    let object = ObjectShape("\(kind)", fields, exactlyOne: exactlyOne, atMostOne: atMostOne)
    self.init(
      kind: kind, description: description, body: .fields(object, shorthand: shorthand), effects: effects, base: base)
  }

  public enum Body: Sendable {
    case fields(ObjectShape, shorthand: String?)

    /// Any keys that fit the rule, at least one (`set`).
    case entries(Shape.KeyRule, Shape)
  }

  /// The classes of RELIABILITY R4 that a file can tell.
  public enum DefaultEffects: Sendable, Hashable {
    case repeatable, once

    /// May happen only once, unless `field` is there.
    case onceWithout(field: String)

    /// May happen only once, unless `field` is one of `values` (or absent and `absent`).
    case onceUnless(field: String, in: Set<String>, absent: Bool)
  }
}

extension NodeFormat {
  var shape: Shape {
    switch body {
    case .fields(let object, let shorthand?): .shorthand(for: shorthand, object)
    case .fields(let object, nil): .object(object)
    case .entries(let keys, let values): .map(keys: keys, values: values, isEmptyAllowed: false)
    }
  }

  /// What `defaults:` may set for the kind: the fields that a node can do without.
  var defaults: ObjectShape? {
    guard case .fields(let object, _) = body else { return nil }
    let chosen = Set((object.exactlyOne + object.atMostOne).joined())
    let fields = object.fields.filter { !$0.isRequired && !chosen.contains($0.name) }
    return fields.isEmpty ? nil : ObjectShape("the defaults of \(kind)", fields)
  }

  /// Whether nodes of the kind may have the field `name`.
  func has(_ name: String) -> Bool {
    guard case .fields(let object, _) = body else { return false }
    return object.field(name) != nil
  }

  /// Whether a task of `node` in doubt must not simply run again.
  func isOnce(_ node: Node) -> Bool {
    if let effects = node.effects { return effects == .once && node.fields["check"] == nil }
    switch effects {
    case .repeatable: return false
    case .once: return true
    case .onceWithout(let field): return node.fields[field] == nil
    case .onceUnless(let field, let values, let absent):
      guard let value = node.fields[field] else { return !absent }
      guard case .literal(.string(let text)) = value else { return true }
      return !values.contains(text)
    }
  }
}
