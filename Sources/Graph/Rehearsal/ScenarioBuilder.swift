import OrderedCollections

/// Makes scenarios of what the shapes let through, and says what does not go together in a script.
struct ScenarioBuilder {
  var parts: ShapeReader

  mutating func scenario(_ yaml: YAMLNode, _ field: Field) -> Scenario {
    var scenario = Scenario(field["name"]?.string ?? "", description: field["description"]?.string)
    scenario.position = yaml["name"]?.position ?? yaml.position
    scenario.inputs = JSONObject(
      (field["inputs"]?.entries ?? [:]).compactMap { key, value in value.json.map { (key, $0) } })
    for (key, value) in field["env"]?.entries ?? [:] { scenario.environment[key] = value.string }
    for member in yaml["nodes"]?.members ?? [] {
      guard let field = field["nodes"]?[member.key] else { continue }
      scenario.scripts[member.key] = script(member.value, field)
    }
    if let expect = field["expect"] { scenario.expectation = Self.expectation(expect) }
    return scenario
  }

  private static func expectation(_ field: Field) -> ScenarioExpectation {
    ScenarioExpectation(
      status: field["status"]?.string ?? "done", path: field["path"]?.items.map { $0.compactMap(\.string) },
      that: (field["that"]?.items ?? []).compactMap(\.expression))
  }

  private mutating func script(_ yaml: YAMLNode, _ field: Field) -> NodeScript {
    if let items = yaml.items, let fields = field.items {
      return .inTurn(zip(items, fields).map { turn($0, $1) })
    }
    if let items = yaml["items"]?.items, let fields = field["items"]?.items {
      if yaml.members?.count != 1 {
        parts.note(yaml.position, "\"items\" stands beside other keys", hint: "give each item its whole script")
      }
      return .perItem(zip(items, fields).map { script($0, $1) })
    }
    return .always(turn(yaml, field))
  }

  private mutating func turn(_ yaml: YAMLNode, _ field: Field) -> NodeScript.Turn {
    let isChecked = field["checked"]?.json == true
    let isFailure = yaml["fail"] != nil
    let hasResult = yaml["result"] != nil
    if isChecked, isFailure || hasResult {
      parts.note(yaml.position, "what is \"checked\" does not run, and neither fails nor gives a result")
    }
    if !isFailure, let key = ["kind", "exit"].first(where: { yaml[$0] != nil }) {
      parts.note(yaml[key]?.position ?? yaml.position, "\"\(key)\" says how it fails, and there is no \"fail\"")
    }
    if yaml.members?.isEmpty == true || (yaml.members?.count == 1 && yaml["checked"]?.json == false) {
      parts.note(yaml.position, "the script says nothing", hint: "give a result, a fail, an answer or checked: true")
    }
    return NodeScript.Turn(
      outcome(field, isFailure: isFailure, isChecked: isChecked), answer: field["answer"]?.json)
  }

  private func outcome(_ field: Field, isFailure: Bool, isChecked: Bool) -> NodeScript.Outcome? {
    if isChecked { return .checked }
    guard isFailure else { return field["result"].map(NodeScript.Outcome.result) }
    return .failure(
      ScriptedFailure(
        field["fail"] ?? .literal(""), kind: field["kind"]?.string, exitCode: field["exit"]?.int,
        result: field["result"]))
  }
}
