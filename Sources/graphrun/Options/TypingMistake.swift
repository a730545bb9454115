import ArgumentParser
import Graph
import GraphRuntime

/// What a person may have meant who typed something that the parser does not understand, or not as it is meant.
enum TypingMistake {
  /// A command that is misspelt, or called as elsewhere: the parser would look for a graph of that name.
  static func command(in arguments: [String]) -> UsageError? {
    guard let word = arguments.first, !word.hasPrefix("-") else { return nil }
    let names = Graphrun.configuration.groupedSubcommands.flatMap(\.subcommands).map { $0._commandName }
    if word == "help" {
      guard let named = arguments.dropFirst().first, !named.hasPrefix("-"), !names.contains(named) else { return nil }
      let meant = known[named] ?? Suggestion.nearest(to: named, in: names)
      return UsageError(
        "no command is named \"\(named)\"; "
          + (meant.map { "did you mean graphrun help \($0)?" } ?? "graphrun --help has them all"))
    }
    guard !names.contains(word), (try? GraphLookup.path(of: word)) == nil,
      let meant = known[word] ?? Suggestion.nearest(to: word, in: names)
    else { return nil }
    return UsageError("no command and no graph is named \"\(word)\"; did you mean graphrun \(meant)?")
  }

  /// What other programs call our commands.
  private static let known = [
    "ls": "threads", "list": "threads", "ps": "threads", "get": "threads", "status": "show", "describe": "show",
    "inspect": "show", "logs": "log", "rm": "delete", "remove": "delete", "start": "run", "kill": "stop",
    "cancel": "stop", "continue": "resume", "create": "new", "init": "new", "test": "rehearse", "check": "validate",
    "lint": "validate", "version": "--version",
  ]

  /// Options of one command that were given to another.
  private static let elsewhere = [
    "run": [
      "set": "a run is given its inputs with --input KEY=VALUE", "answer": "questions are answered by graphrun resume",
      "dry-run": "graphrun rehearse plays a graph and touches nothing",
    ],
    "resume": ["input": "a channel of a thread is changed with --set KEY=VALUE"],
  ]

  /// The parser's `message`, with what a value must look like where it only says that one is invalid.
  static func explained(_ message: String) -> String {
    if message.hasPrefix("Error: Unknown option '--") { return explained(option: message) }
    if message.hasPrefix("Error: Unexpected argument '"), message.contains("'\nUsage: graphrun run "),
      message.prefix(while: { !$0.isNewline }).contains("=")
    {
      return message.replacing(
        "'\nUsage", with: "'; inputs are given with --input KEY=VALUE\nUsage", maxReplacements: 1)
    }
    guard let end = message.firstRange(of: ">'"), message.hasPrefix("Error: The value "),
      message[end.upperBound...].first?.isNewline ?? true,
      let start = message[..<end.lowerBound].lastIndex(of: "<"),
      let form = forms[String(message[message.index(after: start)..<end.lowerBound])]
    else { return message }
    return message[..<end.upperBound] + ": " + form + message[end.upperBound...]
  }

  private static func explained(option message: String) -> String {
    // A guess must not lead to the option that agrees to everything.
    let message = message.replacing(" Did you mean '--yes'?", with: "")
    let name = message.dropFirst("Error: Unknown option '--".count).prefix { $0 != "'" }
    guard let usage = message.firstRange(of: "\nUsage: graphrun "),
      let advice = elsewhere[String(message[usage.upperBound...].prefix { $0.isLetter })]?[String(name)]
    else { return message }
    return "Error: Unknown option '--\(name)'; \(advice)" + message[usage.lowerBound...]
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
