import OrderedCollections

/// What a store keeps of a graph made in Swift: everything but the code. It tells one version from another, what differs,
/// and what a thread's channels and nodes were; it cannot run.
extension StateGraph {
  /// The graph without its code, as a JSON text that is the same for equal graphs.
  public func outline(version: String) -> String {
    var object: JSONObject = [
      Self.outlineKey: .string(name), "version": .string(version),
      "channels": .object(JSONObject(channels.values.map { ($0.name.rawValue, $0.outline) })),
      "start": start.outline, "max-steps": .int(maxSteps),
      "outputs": outputs.map { Field.map($0).outline } ?? .null, "servers": Field.map(servers).outline,
      "secrets": .array(secrets.map(JSON.string)), "env": .array(environment.map(JSON.string)),
      "nodes": .object(JSONObject(nodes.values.map { ($0.name.rawValue, $0.outline) })),
    ]
    if !subgraphs.isEmpty { object["graphs"] = .object(JSONObject(subgraphs.map { ($0.key, $0.value.sourceOutline) })) }
    return JSON.object(object).text
  }

  /// What its text says: an outline, or that of a file.
  private var sourceOutline: JSON {
    let text = source?.text ?? name
    return (try? JSON(parsing: text)) ?? .string(text)
  }

  /// The graph that `text` outlines: its channels and the kinds of its nodes; `nil` where it outlines none.
  public init?(outline text: String) {
    guard text.hasPrefix("{\"\(Self.outlineKey)\":"), let json = try? JSON(parsing: text),
      let name = json[Self.outlineKey]?.stringValue
    else { return nil }
    let channels = (json["channels"]?.objectValue ?? [:]).compactMap { ChannelDefinition(outline: $0.value, $0.key) }
    let nodes = (json["nodes"]?.objectValue ?? [:]).map {
      Node(
        NodeName(rawValue: $0.key), kind: $0.value["kind"]?.stringValue ?? "",
        fields: $0.value["fields"]?["file"].map { ["file": .literal($0)] } ?? [:])
    }
    let graphs = (json["graphs"]?.objectValue ?? [:]).compactMap { name, inner in
      StateGraph(outline: inner.text).map { (name, $0) }
    }
    self.init(
      name: name, channels: OrderedDictionary(uniqueKeysWithValues: channels.map { ($0.name, $0) }), start: Routes([]),
      nodes: OrderedDictionary(uniqueKeysWithValues: nodes.map { ($0.name, $0) }),
      subgraphs: OrderedDictionary(uniqueKeysWithValues: graphs),
      source: GraphSource(path: nil, text: text))
  }

  private static let outlineKey = "swift-graph"

  /// What differs between two outlines, a line each.
  public static func differences(fromOutline old: String, to new: String) -> [String] {
    guard let old = try? JSON(parsing: old).objectValue, let new = try? JSON(parsing: new).objectValue else {
      return []
    }
    return new.keys.flatMap { key -> [String] in
      guard old[key] != new[key] else { return [] }
      guard ["channels", "nodes", "graphs"].contains(key) else {
        return ["\(key): \(old[key]?.text ?? "none") → \(new[key]?.text ?? "none")"]
      }
      return members(String(key.dropLast()), old[key]?.objectValue ?? [:], new[key]?.objectValue ?? [:])
    }
  }

  private static func members(_ what: String, _ old: JSONObject, _ new: JSONObject) -> [String] {
    new.compactMap { name, value in
      guard let known = old[name] else { return "\(what) \(name): added" }
      return known == value ? nil : "\(what) \(name): changed"
    } + old.keys.filter { new[$0] == nil }.map { "\(what) \($0): removed" }
  }
}

extension ChannelDefinition {
  fileprivate var outline: JSON {
    var object: JSONObject = ["reduce": .string(reducer.rawValue)]
    if isInput { object["input"] = true }
    if let schema { object["schema"] = schema.document }
    if let initial { object["default"] = initial }
    return .object(object)
  }

  fileprivate init?(outline: JSON, _ name: String) {
    guard let spelled = outline["reduce"]?.stringValue else { return nil }
    let unknown = CustomReducer(spelled, start: .null) { _, _ in throw UnknownCode() }
    self.init(
      ChannelName(rawValue: name), isInput: outline["input"] == true,
      reducer: Reducer(rawValue: spelled) ?? .custom(unknown),
      schema: outline["schema"].flatMap { try? JSONSchema($0) },
      initial: outline["default"])
  }
}

/// The code of a graph that this program does not have.
private struct UnknownCode: Error, CustomStringConvertible {
  var description: String { "its code is in another program" }
}

extension Node {
  fileprivate var outline: JSON {
    var object: JSONObject = ["kind": .string(kind)]
    if !fields.isEmpty { object["fields"] = Field.map(fields).outline }
    if !after.isEmpty { object["after"] = .array(after.map { .string($0.rawValue) }) }
    if let next { object["next"] = next.outline }
    if let when { object["when"] = .string(when.source) }
    if let onError { object["on-error"] = .string(onError.rawValue) }
    if isDeferred { object["defer"] = true }
    if let effects { object["effects"] = .string(effects.rawValue) }
    if approve != nil { object["approve"] = true }
    switch save {
    case nil: break
    case .whole(let channel): object["save"] = .string(channel.rawValue)
    case .parts(let parts):
      object["save"] = .object(JSONObject(parts.map { ($0.key.rawValue, $0.value.outline) }))
    }
    return .object(object)
  }
}

extension Routes {
  fileprivate var outline: JSON {
    .array(
      routes.map { route in
        var object = JSONObject()
        if let when = route.when { object["when"] = .string(when.source) }
        if let each = route.each { object["each"] = .string(each.source) }
        if let parallel = route.parallel { object["parallel"] = .int(parallel) }
        switch route.target {
        case .nodes(let names): object["to"] = .array(names.map { .string($0.rawValue) })
        case .computed(let expression, let may):
          object["to"] = ["expr": .string(expression.source), "may": .array(may.map { .string($0.rawValue) })]
        }
        return .object(object)
      })
  }
}

extension Field {
  /// The value with expressions as they are written.
  public var outline: JSON {
    switch self {
    case .literal(let value): value
    case .expression(let expression): ["expr": .string(expression.source)]
    case .template(let template):
      .string(
        template.parts.map { part in
          switch part {
          case .text(let text): text
          case .expression(let expression): "${{ \(expression.source) }}"
          }
        }.joined())
    case .list(let items): .array(items.map(\.outline))
    case .map(let members): .object(JSONObject(members.map { ($0.key, $0.value.outline) }))
    }
  }
}
