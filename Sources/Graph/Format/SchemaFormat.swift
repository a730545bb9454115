/// The JSON Schema subset of ``JSONSchema``, in shapes, so that mistakes in schemas get hints like all others.
enum SchemaFormat {
  static let types = ["string", "number", "integer", "boolean", "array", "object", "null"]

  static let shape = Shape.any([.bool, .object(ObjectShape("a JSON Schema", keywords))])

  /// What a channel may say of its type, beside its own keys (which win over keywords of the same name).
  static let keywords: [FieldFormat] = [
    FieldFormat(
      "type", .any([.choice(types), .list(.choice(types))]), "What kind of value it is, or a list of kinds."),
    FieldFormat("description", .text, "For people."),
    FieldFormat("title", .text, "For people."),
    FieldFormat("default", .json, "An annotation."),
    FieldFormat("examples", .json, "An annotation."),
    FieldFormat("deprecated", .bool, "An annotation."),
    FieldFormat("readOnly", .bool, "An annotation."),
    FieldFormat("writeOnly", .bool, "An annotation."),
    FieldFormat("$comment", .text, "An annotation."),
    FieldFormat("format", .text, "An annotation; it is not checked."),
    FieldFormat("enum", .list(.json), "The values there may be."),
    FieldFormat("const", .json, "The only value there may be."),
    FieldFormat("properties", schemas, "Schemas of members by name."),
    FieldFormat("required", .list(.text, isEmptyAllowed: true), "Members that must be there."),
    FieldFormat("additionalProperties", .named(.schema), "What other members must fit; false: there are none."),
    FieldFormat("patternProperties", schemas, "Schemas of members whose name matches a pattern."),
    FieldFormat("propertyNames", .named(.schema), "What the members' names must fit."),
    FieldFormat("items", .named(.schema), "What each item must fit."),
    FieldFormat("prefixItems", .list(.named(.schema)), "What the first items must fit."),
    FieldFormat("minItems", count, "Fewest items."),
    FieldFormat("maxItems", count, "Most items."),
    FieldFormat("uniqueItems", .bool, "Whether no two items may be equal."),
    FieldFormat("minProperties", count, "Fewest members."),
    FieldFormat("maxProperties", count, "Most members."),
    FieldFormat("minLength", count, "Fewest characters."),
    FieldFormat("maxLength", count, "Most characters."),
    FieldFormat("pattern", .text, "A regular expression that must match somewhere in the text."),
    FieldFormat("minimum", bound, "The least number."),
    FieldFormat("maximum", bound, "The greatest number."),
    FieldFormat("exclusiveMinimum", bound, "A number it must be above."),
    FieldFormat("exclusiveMaximum", bound, "A number it must be below."),
    FieldFormat("multipleOf", .number(Double.leastNonzeroMagnitude...limit), "A number it must be a multiple of."),
    FieldFormat("anyOf", .list(.named(.schema)), "It must fit one of these or more."),
    FieldFormat("oneOf", .list(.named(.schema)), "It must fit exactly one of these."),
    FieldFormat("allOf", .list(.named(.schema)), "It must fit all of these."),
    FieldFormat("not", .named(.schema), "It must not fit this."),
    FieldFormat("if", .named(.schema), "Where it fits this, `then` holds, else `else`."),
    FieldFormat("then", .named(.schema), "See `if`."),
    FieldFormat("else", .named(.schema), "See `if`."),
    FieldFormat("$ref", .text, "A schema in this same one, for instance #/$defs/name."),
    FieldFormat("$defs", schemas, "Schemas by name, for `$ref`."),
  ]

  private static let schemas = Shape.map(keys: .any, values: .named(.schema))
  private static let count = Shape.integer(0...Int(Int32.max))
  private static let limit = Double.greatestFiniteMagnitude
  private static let bound = Shape.number(-limit...limit)
}
