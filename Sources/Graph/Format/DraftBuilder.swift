import OrderedCollections

/// Makes the graph's value of what the shapes let through; what they did not is left out.
struct DraftBuilder {
  private var draft: Draft
  private let fields: Field
  private var reducers: [CustomReducer] = []

  static func build(
    _ root: YAMLNode, _ fields: Field, _ parts: ShapeReader, kinds: [NodeFormat], reducers: [CustomReducer],
    source: GraphSource
  ) -> Draft {
    var builder = DraftBuilder(root, fields, parts, kinds, source)
    builder.reducers = reducers
    builder.build()
    return builder.draft
  }

  private init(
    _ root: YAMLNode, _ fields: Field, _ parts: ShapeReader, _ kinds: [NodeFormat], _ source: GraphSource
  ) {
    let graph = StateGraph(name: fields["graph"]?.string ?? "", start: Routes([]), nodes: [:], source: source)
    draft = Draft(graph: graph, kinds: kinds, root: root, parts: parts)
    self.fields = fields
  }

  private mutating func build() {
    draft.graph.description = fields["description"]?.string
    for key in ["inputs", "state"] {
      for member in draft.root[key]?.members ?? [] { channel(member, isInput: key == "inputs") }
    }
    draft.graph.outputs = fields["outputs"]?.entries
    draft.graph.servers = fields["servers"]?.entries ?? [:]
    draft.graph.secrets = fields["secrets"]?.strings ?? []
    draft.graph.environment = fields["env"]?.strings ?? []
    draft.graph.maxSteps = fields["max-steps"]?.int ?? StateGraph.defaultMaxSteps
    draft.graph.schedule = fields["schedule"]?.string.flatMap(Schedule.init(rawValue:)) ?? .ahead
    if let start = draft.root["start"] {
      draft.graph.start = routes(start, from: nil)
    } else {
      draft.edgesAreWhole = false
    }
    for member in draft.root["nodes"]?.members ?? [] { node(member) }
  }

  private mutating func channel(_ member: YAMLNode.Member, isInput: Bool) {
    guard let name = ChannelName(checking: member.key), draft.graph.channels[name] == nil else { return }
    let field = fields[isInput ? "inputs" : "state"]?[member.key]
    var channel = ChannelDefinition(name, isInput: isInput)
    channel.description = field?["description"]?.string
    channel.reducer = field?["reduce"]?.string.flatMap(reducer) ?? .replace
    channel.initial = field?["default"]?.json
    if case .object(var schema)? = member.value.json {
      for key in ["reduce", "default", "description"] { schema.removeValue(forKey: key) }
      if !schema.isEmpty { channel.schema = try? JSONSchema(.object(schema)) }
    }
    draft.graph.channels[name] = channel
  }

  private func reducer(_ name: String) -> Reducer? {
    Reducer(rawValue: name) ?? reducers.first { $0.name == name }.map(Reducer.custom)
  }

  private mutating func node(_ member: YAMLNode.Member) {
    guard let name = NodeName(checking: member.key), let field = fields["nodes"]?[member.key] else {
      draft.edgesAreWhole = false
      return
    }
    let kind = draft.kinds.first { member.value[$0.kind] != nil }
    var node = Node(name, kind: kind?.kind ?? "", fields: kind.map { body(field, $0) } ?? [:])
    node.description = field["description"]?.string
    node.save = field["save"]?.save
    node.when = field["when"]?.expression
    limits(of: &node, field)
    node.cache = field["cache"]?.cache
    node.isDeferred = field["defer"]?.json == true
    node.effects = field["effects"]?.string.flatMap(Effects.init(rawValue:))
    node.approve = field["approve"]?.approval
    edges(of: &node, member.value)
    draft.graph.nodes[name] = node
    // What holds a key is a secret wherever it is named.
    if let key = node.fields["api-key"]?.string, !draft.graph.secrets.contains(key) { draft.graph.secrets.append(key) }
  }

  /// The kind's fields, those of `defaults` beneath them; maps such as `env` are merged key by key.
  private func body(_ node: Field, _ kind: NodeFormat) -> OrderedDictionary<String, Field> {
    var own = node[kind.kind]?.entries ?? [:]
    for beneath in [kind.kind, kind.base].compactMap(\.self) {
      for (key, value) in fields["defaults"]?[beneath]?.entries ?? [:] where kind.has(key) {
        own[key] = own[key]?.over(value) ?? value
      }
    }
    return own
  }

  private func limits(of node: inout Node, _ field: Field) {
    let defaults = fields["defaults"]
    func duration(_ key: String) -> Duration? { (field[key] ?? defaults?[key])?.duration }
    node.timeout = duration("timeout")
    node.idle = duration("idle")
    node.deadline = duration("deadline")
    node.queue = duration("queue")
    let retry = field["retry"].map { own in defaults?["retry"].map(own.over) ?? own } ?? defaults?["retry"]
    node.retry = retry?.retry
  }
}

// MARK: edges

extension DraftBuilder {
  private mutating func edges(of node: inout Node, _ yaml: YAMLNode) {
    let name = node.name
    if let next = yaml["next"] { node.next = routes(next, from: name) }
    for item in yaml["after"].map({ $0.items ?? [$0] }) ?? [] {
      if let member = target(item) { node.after.append(mention(member, .after, item, from: name)) }
    }
    if let handler = yaml["on-error"], let target = target(handler) {
      node.onError = mention(target, .onError, handler, from: name)
    }
  }

  private mutating func target(_ value: YAMLNode) -> NodeName? {
    guard value.type == .string, let text = value.text, let name = NodeName(checking: text) else {
      draft.edgesAreWhole = false
      return nil
    }
    return name
  }

  private mutating func mention(
    _ target: NodeName, _ role: Draft.Reference.Role, _ value: YAMLNode, from source: NodeName?
  ) -> NodeName {
    draft.references.append(
      Draft.Reference(role: role, target: target, position: value.position, source: source))
    return target
  }

  private mutating func routes(_ value: YAMLNode, from source: NodeName?) -> Routes {
    let role: Draft.Reference.Role = source == nil ? .start : .next
    let isRouted = value.members != nil || value.items?.contains { $0.members != nil } == true
    guard isRouted else { return Routes(to: names(value, role, from: source)) }
    var routing = Draft.Routing(routes: [], position: value.position)
    for item in value.items ?? [value] {
      guard item.members != nil else {
        draft.edgesAreWhole = false
        continue
      }
      routing.routes.append((route(item, role, from: source), item.position))
    }
    // A mistake in a route is told where it is, and not once more of the routes as a whole.
    let isBroken = (value.items ?? [value]).contains {
      $0["to"] == nil || $0["when"].map { $0.expression == nil } ?? false
    }
    if !isBroken { draft.routings.append(routing) }
    return Routes(routing.routes.map(\.route))
  }

  private mutating func route(
    _ value: YAMLNode, _ role: Draft.Reference.Role, from source: NodeName?
  ) -> Route {
    let each = value["each"]?.expression
    var route = Route(when: value["when"]?.expression, each: each, to: .nodes([]))
    route.parallel = value["parallel"]?.json?.intValue
    if let parallel = value["parallel"], value["each"] == nil {
      draft.parts.note(
        parallel.position, "parallel bounds the tasks of an each, and there is none", hint: "leave it out, or add each")
    }
    guard let to = value["to"] else {
      draft.edgesAreWhole = false
      return route
    }
    let isFanOut = value["each"] != nil
    if isFanOut, to.text == nil || to.text == "end" {
      draft.parts.note(to.position, "an each leads to one node", hint: "name the node that runs once per item")
    }
    guard to.members != nil else {
      route.target = .nodes(names(to, isFanOut ? .each : role, from: source))
      return route
    }
    let may = to["may"].map { names($0, .may, from: source, isEndAllowed: true) } ?? []
    if let expression = to["expr"]?.expression { route.target = .computed(expression, may: may) }
    return route
  }

  private mutating func names(
    _ value: YAMLNode, _ role: Draft.Reference.Role, from source: NodeName?, isEndAllowed: Bool = false
  ) -> [NodeName] {
    if value.text == "end" { return [] }
    return (value.items ?? [value]).compactMap { item in
      if item.text == "end" {
        if !isEndAllowed {
          draft.parts.note(item.position, "end stands beside other targets", hint: "leave it out, or write end alone")
        }
        return nil
      }
      return target(item).map { mention($0, role, item, from: source) }
    }
  }
}

extension YAMLNode {
  fileprivate var expression: Expression? { text.flatMap { try? Expression($0) } }
}

// MARK: fields as values

extension Field {
  var json: JSON? {
    guard case .literal(let value) = self else { return nil }
    return value
  }

  var string: String? { json?.stringValue }
  var int: Int? { json?.intValue }
  var duration: Duration? { string.flatMap(Duration.init(parsing:)) }

  var entries: OrderedDictionary<String, Field>? {
    guard case .map(let fields) = self else { return nil }
    return fields
  }

  var items: [Field]? {
    guard case .list(let fields) = self else { return nil }
    return fields
  }

  var strings: [String] { (items ?? []).compactMap(\.string) }

  var expression: Expression? {
    guard case .expression(let expression) = self else { return nil }
    return expression
  }

  /// A map's own entries before those of `other`; anything else as it is.
  fileprivate func over(_ other: Field) -> Field {
    guard case .map(let own) = self, case .map(let defaults) = other else { return self }
    return .map(own.merging(defaults) { own, _ in own })
  }

  fileprivate var save: Save? {
    if let name = string { return .whole(ChannelName(rawValue: name)) }
    guard let parts = entries else { return nil }
    let pairs = parts.map { (ChannelName(rawValue: $0.key), $0.value) }
    return .parts(OrderedDictionary(uniqueKeysWithValues: pairs))
  }

  fileprivate var approval: Approval? {
    switch self {
    case .literal(.bool(let isAsked)): isAsked ? .standard : nil
    case .literal(.string(let text)): .prompt(Template(parts: [.text(text)]))
    case .template(let template): .prompt(template)
    default: nil
    }
  }

  fileprivate var cache: CachePolicy? {
    if json == true { return CachePolicy() }
    return entries.map { CachePolicy(ttl: $0["ttl"]?.duration, key: $0["key"]) }
  }

  fileprivate var retry: RetryPolicy? {
    guard entries != nil else { return nil }
    var policy = RetryPolicy()
    policy.attempts = self["attempts"]?.int ?? policy.attempts
    policy.delay = self["delay"]?.duration ?? policy.delay
    policy.backoff = self["backoff"]?.json?.doubleValue ?? policy.backoff
    policy.maxDelay = self["max-delay"]?.duration ?? policy.maxDelay
    policy.jitter = self["jitter"]?.json?.boolValue ?? policy.jitter
    if let on = self["on"]?.items {
      policy.kinds = Set(on.compactMap(\.string))
      policy.exitCodes = Set(on.compactMap(\.int))
    }
    return policy
  }
}
