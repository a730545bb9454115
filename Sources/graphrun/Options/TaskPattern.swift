import ArgumentParser
import Graph
import GraphRuntime

/// Tasks by their node, their label or their way there: `count`, `count[6]`, `review/check[1]`.
struct TaskPattern: ExpressibleByArgument {
  private let parts: [String]

  init?(argument: String) {
    parts = argument.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.allSatisfy(Self.isLabel) else { return nil }
  }

  /// Whether `record` is of such a task or of one inside of it.
  func matches(_ record: OutputRecord) -> Bool {
    let way = Namespace(record.namespace).labels + [record.task]
    return way.indices.contains { start in
      parts.count <= way.count - start
        && zip(parts, way[start...]).allSatisfy { $0 == $1 || $0 == Self.node(of: $1) }
    }
  }

  private static func node(of label: String) -> String { String(label.prefix { $0 != "[" }) }

  /// A node's name, with or without the place of an item.
  private static func isLabel(_ text: String) -> Bool {
    let name = node(of: text)
    let place = text.dropFirst(name.count)
    let isPlace = place.isEmpty || place.wholeMatch(of: /\[[0-9]+\]/) != nil
    return isPlace && NodeName(checking: name) != nil
  }
}
