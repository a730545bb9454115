import ArgumentParser
import Graph
import GraphRuntime

/// What a person may have meant who typed something that the parser does not understand, or not as it is meant.
enum TypingMistake {
  /// A command that is misspelt: the parser would look for a graph of that name.
  static func command(in arguments: [String]) -> UsageError? {
    guard let word = arguments.first, !word.hasPrefix("-"), word != "help" else { return nil }
    let names = Graphrun.configuration.groupedSubcommands.flatMap(\.subcommands).map { $0._commandName }
    guard !names.contains(word), (try? GraphLookup.path(of: word)) == nil,
      let meant = Suggestion.nearest(to: word, in: names)
    else { return nil }
    return UsageError("no command and no graph is named \"\(word)\"; did you mean graphrun \(meant)?")
  }

  /// The parser's `message`, with what a value must look like where it only says that one is invalid.
  static func explained(_ message: String) -> String {
    guard let end = message.firstRange(of: ">'"), message.hasPrefix("Error: The value "),
      message[end.upperBound...].first?.isNewline ?? true,
      let start = message[..<end.lowerBound].lastIndex(of: "<"),
      let form = forms[String(message[message.index(after: start)..<end.lowerBound])]
    else { return message }
    return message[..<end.upperBound] + ": " + form + message[end.upperBound...]
  }

  /// By the name that a value has in the usage.
  private static let forms = [
    "key=value": "give KEY=VALUE, for instance topic=bees",
    "id": thread, "new": thread, "thread": thread, "threads": thread,
    "thread[@n]": reference, "thread@n": reference, "thread@a": reference, "thread@b": reference,
    "node": "a node's name is \(NodeName.rule)",
    "n": "a whole number",
    "time": "a time such as 500ms, 2s, 10m, 12h or 30d",
  ]

  private static let thread = "a thread's name is \(ThreadID.rule)"
  private static let reference = "give THREAD or THREAD@N, N as in graphrun history"
}
