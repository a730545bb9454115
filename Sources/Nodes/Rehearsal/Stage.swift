import Graph
import GraphRuntime
import OrderedCollections
import Synchronization

/// Gives each task of a rehearsal its next line, and keeps what was asked of the scripts.
final class Stage: Sendable {
  private let scripts: OrderedDictionary<String, NodeScript>
  private let stop: StopControl
  private let state = Mutex(State())

  private struct State {
    var outcomes: [Role: Int] = [:]
    var answers: [Role: Int] = [:]
    var used: Set<String> = []
    var missing: [ScenarioReport.Missing] = []
  }

  /// Who reads a script from its beginning: a node (`review/ask` inside another), or one task of a fan-out.
  private struct Role: Hashable {
    var node: String
    var item: Int?
  }

  /// A rehearsal that lacks a script is stopped by `stop`.
  init(_ scripts: OrderedDictionary<String, NodeScript>, stop: StopControl) {
    self.scripts = scripts
    self.stop = stop
  }

  /// How the attempt that begins now ends; `nil` where nothing is said of it.
  func outcome(of task: TaskContext) -> NodeScript.Outcome? {
    let role = role(of: task)
    guard let turns = turns(of: role) else { return nil }
    return state.withLock { state in
      state.used.insert(role.node)
      return Self.next(
        turns.compactMap(\.outcome), isRepeated: isRepeated(role), after: &state.outcomes[role, default: 0])
    }
  }

  /// Whether the check that is made now holds.
  func isChecked(_ task: TaskContext) -> Bool {
    let role = role(of: task)
    guard let outcomes = turns(of: role)?.compactMap(\.outcome) else { return false }
    return state.withLock { state in
      let place = isRepeated(role) ? 0 : state.outcomes[role, default: 0]
      guard outcomes.indices.contains(place), outcomes[place] == .checked else { return false }
      state.used.insert(role.node)
      state.outcomes[role, default: 0] += 1
      return true
    }
  }

  /// What a person answers to the question that is open now; `nil`: nobody answers it.
  func answer(to question: OpenQuestion) -> JSON? {
    let role = role(of: question)
    guard let turns = turns(of: role) else { return nil }
    return state.withLock { state in
      state.used.insert(role.node)
      return Self.next(
        turns.compactMap(\.answer), isRepeated: isRepeated(role), after: &state.answers[role, default: 0])
    }
  }

  /// Writes down that `task` needs the world and nothing is said of it, which ends the rehearsal.
  func miss(_ task: TaskContext) -> NodeFailure {
    let role = role(of: task)
    let missing = state.withLock { state in
      let missing = ScenarioReport.Missing(
        node: NodeName(rawValue: role.node), kind: task.node.kind, item: role.item, given: state.outcomes[role] ?? 0)
      state.missing.append(missing)
      return missing
    }
    stop.request()
    return NodeFailure(.refused, missing.description, isPermanent: true)
  }

  /// What was asked for and not there.
  var missing: [ScenarioReport.Missing] { state.withLock(\.missing) }

  /// Nodes with a script that nothing asked for.
  var unused: [String] { state.withLock { state in scripts.keys.filter { !state.used.contains($0) } } }

  // MARK: Finding the line

  private static func next<Line>(_ lines: [Line], isRepeated: Bool, after place: inout Int) -> Line? {
    guard let line = isRepeated ? lines.first : lines.dropFirst(place).first else { return nil }
    place += 1
    return line
  }

  private func role(of task: TaskContext) -> Role {
    let nodes = Namespace(task.id.namespace).nodes + [task.node.name]
    return Role(
      node: nodes.map(\.rawValue).joined(separator: "/"),
      item: task.scope.variables["item"] == nil ? nil : task.id.index)
  }

  /// As the labels on the way tell it: `node`, or `node[2]` in a fan-out.
  private func role(of question: OpenQuestion) -> Role {
    let labels = question.task.split(separator: "/")
    let node = labels.map { $0.prefix { $0 != "[" } }.joined(separator: "/")
    let index = labels.last?.drop { $0 != "[" }.dropFirst().dropLast() ?? ""
    return Role(node: node, item: Int(index))
  }

  private func script(of role: Role) -> NodeScript? {
    guard case .perItem(let items) = scripts[role.node] else { return scripts[role.node] }
    guard let item = role.item, items.indices.contains(item) else { return nil }
    return items[item]
  }

  private func turns(of role: Role) -> [NodeScript.Turn]? {
    switch script(of: role) {
    case .always(let turn): [turn]
    case .inTurn(let turns): turns
    case .perItem, nil: nil
    }
  }

  private func isRepeated(_ role: Role) -> Bool {
    if case .always = script(of: role) { true } else { false }
  }
}
