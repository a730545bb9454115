import OrderedCollections

/// What a graph starts or reaches when it runs, as it is written.
public struct Deed: Sendable, Hashable {
  /// `server NAME` or `NODE: KIND`, behind the name of a graph that runs inside.
  public var place: String

  /// The fields, with expressions as they are written.
  public var fields: JSONObject

  /// For people: the place, and below it the fields, whole.
  public var lines: [String] {
    [place]
      + fields.flatMap { name, value -> [String] in
        let text = value.stringValue ?? value.text
        guard text.contains(where: \.isNewline) else { return ["  \(name): \(text)"] }
        return ["  \(name):"] + text.split(whereSeparator: \.isNewline).map { "    \($0)" }
      }
  }

  public var json: JSON { ["place": .string(place), "fields": .object(fields)] }
}

extension StateGraph {
  /// Whatever is started or reached by this graph and by those that run inside it.
  public var deeds: [Deed] {
    withSubgraphs.enumerated().flatMap { index, graph in
      graph.ownDeeds(prefix: index == 0 ? "" : "\(graph.name), ")
    }
  }

  private func ownDeeds(prefix: String) -> [Deed] {
    servers.map { Deed(place: "\(prefix)server \($0.key)", fields: $0.value.outline.objectValue ?? [:]) }
      + nodes.values.compactMap { node in
        let fields = node.kind == "verify" ? node.fields.filter { Self.probes.contains($0.key) } : node.fields
        guard !Self.harmless.contains(node.kind), !fields.isEmpty else { return nil }
        return Deed(
          place: "\(prefix)\(node.name) (\(node.kind))", fields: Field.map(fields).outline.objectValue ?? [:])
      }
  }

  /// Kinds that compute, wait or ask, or that run a graph, whose own deeds are told.
  private static let harmless: Set<String> = ["set", "ask", "wait", NodeFormat.graphKind]
  private static let probes: Set<String> = ["shell", "http", "mcp"]
}
