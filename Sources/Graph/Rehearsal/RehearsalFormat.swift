import OrderedCollections

/// The whole of a rehearsal file, in shapes.
public enum RehearsalFormat {
  static let file = Shape.list(.object(scenario))

  private static let scenario = ObjectShape(
    "a scenario",
    [
      FieldFormat("name", .text, "What the scenario is called.", isRequired: true),
      FieldFormat("description", .text, "What it is for."),
      FieldFormat("inputs", .map(keys: .channel, values: .json), "The inputs the thread starts with."),
      FieldFormat(
        "env", .map(keys: .any, values: .text), "What $env has; without it nothing: the real environment is not read."),
      FieldFormat(
        "nodes", .map(keys: .any, values: script), "What happens at each node: a script, or a list, one per attempt."),
      FieldFormat("expect", .object(expectation), "What should come of it; without it status done."),
    ])

  private static let script = Shape.any([
    .object(ObjectShape("a script ({result}, {fail}, {answer}, {checked} or {items})", turn + [items])), turns,
  ])

  private static let turns = Shape.list(
    .object(ObjectShape("a script ({result}, {fail}, {answer} or {checked})", turn)))

  private static let turn = [
    FieldFormat("result", .value, "What the node gives, or what its probe finds; ${{ }} in it sees the state."),
    FieldFormat("fail", .template, "The attempt fails with this message; result beside it is what it had by then."),
    FieldFormat(
      "kind", .choice(failureKinds), "The kind of the failure; without it what nodes of this kind fail with."),
    FieldFormat("exit", .integer(1...255), "The exit code of the failure, for retry.on."),
    FieldFormat("answer", .json, "What a person answers: to ask, approve, or a doubt (rerun, skip, fail)."),
    FieldFormat("checked", .bool, "The node's check holds: it is done without running."),
  ]

  private static let items = FieldFormat(
    "items", .list(.any([.object(ObjectShape("a script of an item", turn)), turns])),
    "For each task of a fan-out its own script, or list of them, by its index.")

  private static let expectation = ObjectShape(
    "expect",
    [
      FieldFormat("status", .choice(["done", "failed", "waiting"]), "How the thread ends; without it done."),
      FieldFormat("path", .list(.text, isEmptyAllowed: true), "The nodes that run, in order; all of them."),
      FieldFormat("that", .list(.expression), "What holds for the state at the end; $error is why it failed."),
    ])

  /// What an attempt can fail with.
  static let failureKinds = GraphFormat.errorKinds + ["refused"]

  /// Whether a scenario can say that an attempt failed with `kind`.
  package static func takes(failureOf kind: String) -> Bool { failureKinds.contains(kind) }

  /// What results of a node kind consist of, and what each part is; `nil` where anything goes.
  static func results(of kind: String) -> OrderedDictionary<String, Set<YAMLType>>? {
    let any: Set<YAMLType> = [.null, .bool, .number, .string, .list, .map]
    switch kind {
    case "shell":
      return [
        "exit": [.number], "signal": [.number], "stdout": [.string], "stderr": [.string], "json": any,
        "seconds": [.number], "truncated": [.number], "binary": [.bool], "checked": [.bool], "pid": [.number],
        "adopted": [.bool], "log": [.string],
      ]
    case "http":
      return [
        "status": [.number], "headers": [.map], "body": [.string], "json": any, "seconds": [.number], "binary": [.bool],
      ]
    case "llm":
      return [
        "text": [.string], "message": [.map], "json": any, "usage": [.map], "seconds": [.number], "finish": [.string],
        "warnings": [.list],
      ]
    case "mcp": return ["text": [.string], "content": [.list], "structured": any]
    case "agent": return ["text": [.string], "messages": [.list], "calls": [.list], "usage": [.map]]
    default: return nil
    }
  }

  /// What nodes of `kind` fail with when nothing is said.
  package static func failureKind(of kind: String) -> String {
    [
      "shell": "exit", "http": "http", "llm": "model", "agent": "model", "mcp": "tool", "verify": "expect",
      "set": "expression",
    ][
      kind] ?? "refused"
  }

  /// The format as a JSON Schema (2020-12), for editors.
  public static var jsonSchema: JSON {
    guard case .object(var schema) = file.schema else { preconditionFailure("a file is a list") }
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "graphrun rehearsal"
    return .object(schema)
  }
}
