import ArgumentParser
import Graph

/// A graph to begin with, and its scenarios. NAME in both is the new graph's name.
enum GraphTemplate: String, ExpressibleByArgument, CaseIterable {
  case blank, shell, agent, approval, map, verify

  /// The graph's text.
  func graph(named name: String) -> String { filled(texts.graph, name) }

  /// The text of its scenarios.
  func rehearsal(named name: String) -> String { filled(texts.rehearsal, name) }

  private func filled(_ text: String, _ name: String) -> String {
    text.replacing("graph: NAME\n", with: "graph: \(YAMLText.scalar(name))\n").replacing("NAME", with: name) + "\n"
  }

  private var texts: (graph: String, rehearsal: String) {
    switch self {
    case .blank: (Self.blankGraph, Self.blankRehearsal)
    case .shell: (Self.shellGraph, Self.shellRehearsal)
    case .agent: (Self.agentGraph, Self.agentRehearsal)
    case .approval: (Self.approvalGraph, Self.approvalRehearsal)
    case .map: (Self.mapGraph, Self.mapRehearsal)
    case .verify: (Self.verifyGraph, Self.verifyRehearsal)
    }
  }
}
