public import Graph
import OrderedCollections

/// What an edit of a graph means for a thread that runs it (DESIGN rule 10).
public enum GraphChange {
  /// What differs, a line each: nodes, channels and settings added, removed or changed.
  public static func differences(from old: StateGraph, to new: StateGraph) -> [String] {
    var lines: [String] = []
    lines += changes(
      "channel", old.channels.map { ($0.key.rawValue, $0.value) }, new.channels.map { ($0.key.rawValue, $0.value) })
    lines += changes(
      "node", old.nodes.map { ($0.key.rawValue, $0.value) }, new.nodes.map { ($0.key.rawValue, $0.value) })
    if old.start != new.start { lines.append("start: changed") }
    if old.maxSteps != new.maxSteps { lines.append("max-steps: \(old.maxSteps) → \(new.maxSteps)") }
    if old.schedule != new.schedule { lines.append("schedule: \(old.schedule) → \(new.schedule)") }
    if old.outputs != new.outputs { lines.append("outputs: changed") }
    lines += servers(from: old, to: new)
    if old.secrets != new.secrets { lines.append("secrets: changed") }
    if old.environment != new.environment { lines.append("env: changed") }
    for (file, graph) in new.subgraphs {
      guard let known = old.subgraphs[file], known.record.hash != graph.record.hash else { continue }
      lines += differences(from: known, to: graph).map { "\(file): \($0)" }
    }
    return lines.isEmpty ? ["only comments or layout differ"] : lines
  }

  /// Why the thread at `position` cannot go on with `graph`; empty when it can.
  ///
  /// - Parameters:
  ///   - old: the graph it ran so far, where it is known.
  ///   - keepsDue: what is due at `position` will run.
  ///   - tasks: what is known of the due tasks; what the finished among them wrote is still to land, and where they lead is
  ///     still to come.
  static func objections(
    to graph: StateGraph, at position: StoredCheckpoint, from old: StateGraph?, keepsDue: Bool = true,
    tasks: [TaskRecord] = []
  ) -> [String] {
    let agenda = position.record.agenda
    let due = Set(agenda.due.map(\.id))
    let tasks = tasks.filter { due.contains($0.id) }
    var objections: [String] = []
    for name in keepsDue ? Set(agenda.nodes).sorted() : [] {
      guard let node = graph.nodes[name] else {
        objections.append("node \(name) is due and no longer there")
        continue
      }
      if let before = old?.nodes[name], before.kind != node.kind {
        objections.append("node \(name) is due and was a \(before.kind), now a \(node.kind)")
      }
    }
    objections += missing(from: graph, beyond: tasks, agenda)
    let written = tasks.flatMap(\.writes).map(\.channel)
    let values = old.map { position.values.adding(tasks, channels: $0.channels, thread: "any") } ?? position.values
    for name in Set(values.keys.map(ChannelName.init(rawValue:)) + written).sorted() {
      guard let channel = graph.channels[name] else {
        objections.append("channel \(name) has a value and is no longer declared")
        continue
      }
      if let objection = values[name.rawValue].flatMap(channel.objection(to:)) {
        objections.append("channel \(name): its value does not fit its changed type: \(objection)")
      }
    }
    for (name, before) in old?.channels ?? [:] {
      guard let channel = graph.channels[name], before.reducer != channel.reducer else { continue }
      objections.append("channel \(name) was reduced by \(before.reducer), now by \(channel.reducer)")
    }
    return objections
  }

  /// What `graph` lacks of the nodes that come after those that are due: where the ended among `tasks` lead, and what is
  /// deferred.
  private static func missing(from graph: StateGraph, beyond tasks: [TaskRecord], _ agenda: Agenda) -> [String] {
    var reasons: OrderedDictionary<NodeName, String> = [:]
    for task in tasks {
      for name in task.ended.leads where !agenda.nodes.contains(name) {
        reasons[name] = reasons[name] ?? "comes after \(task.label)"
      }
    }
    for name in agenda.deferred.keys { reasons[name] = reasons[name] ?? "is deferred and still to run" }
    return reasons.filter { graph.nodes[$0.key] == nil }.sorted { $0.key < $1.key }.map { name, reason in
      "node \(name) \(reason) and is no longer there"
    }
  }

  /// Whole, as what starts or is reached is no detail.
  private static func servers(from old: StateGraph, to new: StateGraph) -> [String] {
    let names = new.servers.keys + old.servers.keys.filter { new.servers[$0] == nil }
    return names.compactMap { name in
      let (before, after) = (old.servers[name], new.servers[name])
      guard before != after else { return nil }
      return "server \(name): \(before?.outline.text ?? "none") → \(after?.outline.text ?? "none")"
    }
  }

  private static func changes<Value: Equatable>(
    _ what: String, _ old: [(String, Value)], _ new: [(String, Value)]
  ) -> [String] {
    let before = Dictionary(uniqueKeysWithValues: old)
    let after = Dictionary(uniqueKeysWithValues: new)
    return new.compactMap { name, value in
      guard let known = before[name] else { return "\(what) \(name): added" }
      return known == value ? nil : "\(what) \(name): changed"
    } + old.compactMap { name, _ in after[name] == nil ? "\(what) \(name): removed" : nil }
  }
}
