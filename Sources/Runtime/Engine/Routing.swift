import Graph

extension Routes {
  /// Which of these routes is taken on `scope`, and where it leads.
  ///
  /// - Throws: ``NodeFailure`` of kind `route` where none matches or a computed name is not allowed, `expression`
  ///   where an expression fails.
  func choice(in scope: Scope, from place: String) throws(NodeFailure) -> (index: Int, triggers: [Trigger]) {
    for index in routes.indices {
      // What is only told is not made before there is something to tell.
      let key = { routes.count == 1 ? place : "\(place)[\(index)]" }
      if let condition = routes[index].when,
        try !evaluate("\(key()).when", { try condition.evaluate(in: scope) }).isTruthy
      {
        continue
      }
      return (index, try triggers(of: routes[index], in: scope, key: key))
    }
    throw NodeFailure(.route, "\(place): no route matches; write an else as the last one (to: end)")
  }

  private func triggers(of route: Route, in scope: Scope, key: () -> String) throws(NodeFailure) -> [Trigger] {
    switch route.target {
    case .nodes(let names):
      guard let each = route.each else { return names.map(Trigger.edge) }
      let items = try evaluate("\(key()).each") { try each.items(in: scope) }
      return names.map { .fanOut($0, items: items, parallel: route.parallel) }
    case .computed(let expression, let may):
      let value = try evaluate("\(key()).to.expr") { try expression.evaluate(in: scope) }
      return try names(value, may: may, key: key()).map(Trigger.edge)
    }
  }

  private func names(_ value: JSON, may: [NodeName], key: String) throws(NodeFailure) -> [NodeName] {
    let allowed = may.map(\.rawValue) + ["end"]
    var names: [NodeName] = []
    let items = value.asItems
    guard !items.isEmpty else {
      throw NodeFailure(.route, "\(key).to: the expression gives no name; to stop, give \"end\"")
    }
    for item in items {
      guard let name = item.stringValue, allowed.contains(name) else {
        throw NodeFailure(.route, "\(key).to: \(item.text) is not one of \(allowed.joined(separator: ", "))")
      }
      if name != "end" { names.append(NodeName(rawValue: name)) }
    }
    return names
  }

  private func evaluate<Value>(
    _ key: @autoclosure () -> String, _ body: () throws -> Value
  ) throws(NodeFailure) -> Value {
    do {
      return try body()
    } catch let error as ExpressionError {
      throw NodeFailure(error, key: key())
    } catch {
      preconditionFailure("expressions throw ExpressionError only, not \(error)")
    }
  }
}
