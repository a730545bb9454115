import Graph

/// Holds what a step came to against what its case expects.
struct Verdict {
  let step: Step
  let played: Played
  let player: any Player
  let stage: Stage

  /// What does not hold, a line each.
  private(set) var complaints: [String] = []

  init(_ step: Step, _ played: Played, _ player: any Player, _ stage: Stage) {
    (self.step, self.played, self.player, self.stage) = (step, played, player, stage)
  }

  /// The exit code that goes with how a step ended.
  private static let exits = ["done": 0, "failed": 1, "refused": 2, "waiting": 3, "busy": 4, "stopped": 0]

  mutating func reach() async throws {
    for (name, value) in step.expected { try await check(name, value) }
    if step.expected["exit"] == nil, step.expected["ends"] == nil {
      compare("exit", .int(played.exit), .int(0))
    }
  }

  private mutating func check(_ name: String, _ value: JSON) async throws {
    switch name {
    case "ends": checkEnd(value)
    case "exit": compare("exit", .int(played.exit), value)
    case "says":
      for text in value.items where !played.message.contains(text.stringValue ?? "") {
        complaints.append("says: \(text.text) is not in: \(played.message)")
      }
    case "error": checkError(value)
    case "values", "outputs", "next", "step", "checkpoint", "parent": compare(name, played.answer[name], value)
    case "asks": compareParts(name, played.answer["interrupts"] ?? [], value)
    case "changes", "problems": compareParts(name, played.answer[name] ?? [], value)
    case "events": checkEvents(value)
    case "files": for (file, text) in value.objectValue ?? [:] { checkFile(file, text) }
    case "lines": compareParts(name, .array(played.lines), value)
    default: try await checkThread(name, value)
    }
  }

  private mutating func checkThread(_ name: String, _ value: JSON) async throws {
    if name == "tasks" {
      let answer = step.action == .show ? played.answer : try await player.snapshot(step.thread)
      return compareParts(name, answer["tasks"] ?? [], value)
    }
    let history = step.action == .history ? played.lines : try await player.history(step.thread)
    switch name {
    case "history": compareParts(name, .array(history), value)
    case "checkpoints": compare(name, .int(history.count), value)
    default: compare("path", .array(history.reversed().compactMap(\.ran)), .array(value.items.map { .array($0.items) }))
    }
  }

  private mutating func checkEnd(_ value: JSON) {
    let end = value.stringValue ?? ""
    if step.expected["exit"] == nil, step.action == .run || step.action == .resume {
      compare("exit", .int(played.exit), Self.exits[end].map(JSON.int) ?? .null)
    }
    if end != "refused", end != "busy" { compare("ends", played.answer["status"], value) }
  }

  private mutating func checkError(_ value: JSON) {
    let error = played.answer["error"]
    for (key, part) in value.objectValue ?? [:] {
      guard key == "says" else {
        compare("error.\(key)", error?[key], part)
        continue
      }
      let message = error?["message"]?.stringValue ?? ""
      for text in part.items where !message.contains(text.stringValue ?? "") {
        complaints.append("error.says: \(text.text) is not in: \(message)")
      }
    }
  }

  /// The expected events come in this order; others may come between.
  private mutating func checkEvents(_ value: JSON) {
    var rest = played.lines[...]
    for event in value.items {
      guard let place = rest.firstIndex(where: { $0.fits(event.stringValue.map { ["event": .string($0)] } ?? event) })
      else {
        complaints.append("events: \(event.text) does not come, or too early, in \(played.lines.map(\.text))")
        return
      }
      rest = rest[(place + 1)...]
    }
  }

  private mutating func checkFile(_ name: String, _ text: JSON) {
    compare("file \(name)", stage.read(name).map(JSON.string), text)
  }

  private mutating func compare(_ name: String, _ found: JSON?, _ expected: JSON) {
    if (found ?? .null) != expected {
      complaints.append("\(name): expected \(expected.text), found \(found?.text ?? "nothing")")
    }
  }

  /// As many as expected, each with at least what is expected of it.
  private mutating func compareParts(_ name: String, _ found: JSON, _ expected: JSON) {
    let (found, expected) = (found.items, expected.items)
    let fits = found.count == expected.count && zip(found, expected).allSatisfy { $0.fits($1) }
    if !fits { complaints.append("\(name): expected \(JSON.array(expected).text), found \(JSON.array(found).text)") }
  }
}

extension JSON {
  /// A list's items; any other value as the only one.
  var items: [JSON] { arrayValue ?? [self] }

  /// The nodes of a history line; `nil` where nothing ran.
  fileprivate var ran: JSON? {
    let nodes = (self["ran"]?.arrayValue ?? []).compactMap { $0["node"] }
    return nodes.isEmpty ? nil : .array(nodes)
  }

  /// Whether this has at least the members of `part`; `message`, `prompt` and `hint` need only hold the text, and a name in
  /// place of a map is its `node`.
  fileprivate func fits(_ part: JSON) -> Bool {
    guard case .object(let members) = part else {
      return self == part || (objectValue != nil && self["node"] == part)
    }
    return members.allSatisfy { key, value in
      guard let own = self[key] else { return value == .null }
      if ["message", "prompt", "hint"].contains(key), let text = value.stringValue {
        return own.stringValue?.contains(text) ?? false
      }
      if value.arrayValue != nil {
        return own.items.count == value.items.count && zip(own.items, value.items).allSatisfy { $0.fits($1) }
      }
      return value.objectValue == nil ? own == value : own.fits(value)
    }
  }
}
