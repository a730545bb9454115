import Graph
import GraphRuntime

/// How far the tasks of one node are that are due in one super-step.
struct LiveFanOut {
  let node: NodeName
  let total: Int
  private(set) var done = 0
  private(set) var failed = 0

  /// Fewer than these have a line each when they end; more are counted.
  private static let large = 10

  static func all(in nodes: [NodeName]) -> [LiveFanOut] {
    var counts: [(node: NodeName, count: Int)] = []
    for node in nodes {
      if let place = counts.firstIndex(where: { $0.node == node }) {
        counts[place].count += 1
      } else {
        counts.append((node, 1))
      }
    }
    return counts.filter { $0.count > 1 }.map { LiveFanOut(node: $0.node, total: $0.count) }
  }

  private init(node: NodeName, total: Int) {
    self.node = node
    self.total = total
  }

  var isLarge: Bool { total > Self.large }
  var isOver: Bool { done + failed >= total }

  mutating func ended(_ status: TaskStatus) {
    if status == .failed { failed += 1 } else { done += 1 }
  }

  var summary: String { "\(node) ×\(total)" + (failed > 0 ? ", \(failed) failed" : "") }

  func line(_ style: Style, _ columns: Int) -> (text: String, columns: Int) {
    let width = max(4, min(24, columns / 3))
    let bar = Self.bar(Double(done + failed) / Double(total), width)
    let text = "\(done + failed)/\(total) \(node)".cut(to: max(0, columns - width - 4))
    return ("  \(style.cyan(bar)) \(text)", width + 3 + text.columns)
  }

  /// `share` of 1 in `width` columns.
  static func bar(_ share: Double, _ width: Int) -> String {
    let full = Int((min(1, max(0, share)) * Double(width)).rounded(.down))
    return String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
  }
}
