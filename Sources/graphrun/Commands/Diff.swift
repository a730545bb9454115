import ArgumentParser
import Graph
import GraphRuntime

/// Compares two states.
struct Diff: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show how the state differs between two checkpoints, channel by channel.",
    discussion: "  graphrun diff monday@3 monday@5")

  @Argument(help: ArgumentHelp("The one.", valueName: "thread@a"), completion: .thread) var from: CheckpointReference
  @Argument(help: ArgumentHelp("The other.", valueName: "thread@b"), completion: .thread) var to: CheckpointReference
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let view = ThreadView(try await global.requireStore())
    let before = try await view.snapshot(from.thread, at: from.number)
    let after = try await view.snapshot(to.thread, at: to.number)
    let keys = before.values.keys + after.values.keys.filter { before.values[$0] == nil }
    let changed = keys.filter { before.values[$0] != after.values[$0] }
    if global.json { return show(changed, before, after) }
    let style = Terminal.style(noColor: global.noColor)
    if changed.isEmpty { Sink.output.line("no difference") }
    for key in changed {
      Sink.output.line(style.bold(SafeText.line(key)))
      let lines = LineDifference(before.values[key].yamlLines, after.values[key].yamlLines).lines(style)
      for line in lines { Sink.output.line(line) }
    }
  }

  private func show(_ changed: [String], _ before: Snapshot, _ after: Snapshot) {
    let changes = changed.map { key in
      var change: JSONObject = ["channel": .string(key)]
      change["before"] = before.values[key]
      change["after"] = after.values[key]
      return JSON.object(change)
    }
    let result: JSON = [
      "from": .string("\(before.header.id)@\(before.record.number)"),
      "to": .string("\(after.header.id)@\(after.record.number)"), "changes": .array(changes),
    ]
    Sink.output.line(result.text)
  }
}

extension JSON? {
  /// The value as YAML, harmless to a terminal; nothing for none.
  fileprivate var yamlLines: [String] {
    map { SafeText.lines(YAMLText.block($0)).split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
      ?? []
  }
}
