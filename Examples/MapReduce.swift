import GraphKit

/// Counts the words of many texts, four at once, and adds them up.
enum MapReduce {
  struct Page: Codable, Sendable {
    var title, text: String
  }

  static func run(_ store: Store, _ given: [Page]) async throws -> [String: Int] {
    let pages = Channel.input("pages", [Page].self)
    let words = Channel("words", [String: Int].self, reduce: .merge)
    let total = Channel("total", Int.self, default: 0)

    let graph = try StateGraph("map-reduce") {
      pages
      words
      total
      Node("split") { _ in }
        .next(each: { $0[pages] }, to: "count", parallel: 4)
      Node("count", item: Page.self) { page, _ in
        words.write([page.title: page.text.split(separator: " ").count])
      }
      Node("add") { state in total.write(state[words].values.reduce(0, +)) }
        .after("count")
      Start("split")
    }

    let end = try await Runner(graph, store: store).start(thread: "pages", pages.write(given)).end
    return end[words].merging(["total": end[total]]) { $1 }
  }
}
