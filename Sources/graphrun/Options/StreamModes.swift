import ArgumentParser
import GraphRuntime

/// Modes as typed: `values,tokens`.
struct StreamModes: ExpressibleByArgument {
  var modes: Set<StreamMode>

  /// What LangGraph calls some of them.
  private static let aliases = ["messages": StreamMode.tokens]

  init?(argument: String) {
    let modes = argument.split(separator: ",").map { StreamMode(rawValue: String($0)) ?? Self.aliases[String($0)] }
    guard !modes.isEmpty, !modes.contains(nil) else { return nil }
    self.modes = Set(modes.compactMap(\.self))
  }

  static var allValueStrings: [String] { StreamMode.allCases.map(\.rawValue) }
}
