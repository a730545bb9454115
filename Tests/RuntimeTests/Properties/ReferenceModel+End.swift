import Graph

extension ReferenceModel {
  /// How a run ended, as far as the engine must agree.
  struct End: Equatable {
    var status: String
    var values: JSONObject
    var next: [String]
    var step: Int
    var error: String?
    var asks: [String]

    /// Another run would end in the same way: what failed first did not fail because its attempts are counted. What failed
    /// with it may have.
    var isStuck: Bool { status == "failed" && asks.isEmpty && !(error?.hasSuffix("exit") ?? false) }

    /// What differs, the first 500 bytes of each side of it: values may be large.
    func difference(from expected: End) -> String? {
      guard self != expected else { return nil }
      let names = expected.values.keys + values.keys.filter { expected.values[$0] == nil }
      let differing = names.filter { values[$0] != expected.values[$0] }
      return "expected \(expected.told(differing)),\nfound \(told(differing))"
    }

    private func told(_ names: [String]) -> String {
      let told = names.map { name in "\(name) \(values[name].map { $0.text.prefix(500) } ?? "absent")" }
      return "\(status) at step \(step), next \(next), error \(error ?? "none"), asks \(asks), \(told)"
    }
  }
}
