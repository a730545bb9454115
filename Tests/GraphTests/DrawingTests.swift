import OrderedCollections
import Testing

@testable import Graph

@Suite("Drawing a graph")
struct DrawingTests {
  @Test func `as text shows every node once, with its edges`() throws {
    #expect(
      try graph.text == """
        review: Draft & check.

        start
          └──> write

        write (set)
          Draft it
          └──> check

        check (verify)
          ├──> publish  (.draft | length) > 2
          ├──> each-note  else each .notes (2 at once)
          ├╌╌> write  on error
          └──> join  joins

        publish (shell) when .draft
          ├──> end
          └──> join  joins

        each-note (shell)

        join (wait) after publish + check

        """)
  }

  @Test func `as Mermaid has a shape per kind and a line per edge`() throws {
    #expect(
      try graph.mermaid == """
        flowchart TD
          START([start])
          n_write("<b>write</b><br/>set<br/><i>Draft it</i>")
          n_check{{"<b>check</b><br/>verify"}}
          n_publish["<b>publish</b><br/>shell"]
          n_each_dnote["<b>each-note</b><br/>shell"]
          n_join(["<b>join</b><br/>wait"])
          END([end])
          START --> n_write
          n_write --> n_check
          n_check -->|"(.draft #124; length) #62; 2"| n_publish
          n_check -->|"else each .notes (2 at once)"| n_each_dnote
          n_check -.->|"on error"| n_write
          n_publish --> END
          n_publish ==> n_join
          n_check ==> n_join

        """)
  }

  @Test func `in Graphviz' language marks errors and barriers`() throws {
    let lines = try graph.dot.split(separator: "\n").dropFirst(5).map { $0.drop { $0 == " " } }
    #expect(
      lines == [
        ##""write" [label=<<b>write</b> <font color="#7a858e" point-size="9">set</font><br/>"##
          + ##"<font point-size="9">Draft it</font>>, fillcolor="#ffffff"]"##,
        ##""check" [label=<<b>check</b> <font color="#7a858e" point-size="9">verify</font>>"##
          + ##", shape=hexagon, style=filled, fillcolor="#e3f2e6", margin="0.02,0.04"]"##,
        ##""publish" [label=<<b>publish</b> <font color="#7a858e" point-size="9">shell</font>>]"##,
        ##""each-note" [label=<<b>each-note</b> <font color="#7a858e" point-size="9">shell</font>>]"##,
        ##""join" [label=<<b>join</b> <font color="#7a858e" point-size="9">wait</font>>, shape=oval, style=filled]"##,
        ##""end" [shape=doublecircle, width=0.16, label="", style=filled, fillcolor="#2b3137", color="#2b3137"]"##,
        ##""start" -> "write""##,
        ##""write" -> "check""##,
        ##""check" -> "publish" [label=" (.draft | length) > 2 "]"##,
        ##""check" -> "each-note" [label=" else each .notes (2 at once) "]"##,
        ##""check" -> "write" [label=" on error ", style=dashed, color="#b3402e", fontcolor="#b3402e"]"##,
        ##""publish" -> "end""##,
        ##""publish" -> "join" [penwidth=1.6, arrowhead=teenormal]"##,
        ##""check" -> "join" [penwidth=1.6, arrowhead=teenormal]"##,
        "}",
      ])
  }

  @Test(
    arguments: [
      #""];click x "javascript:alert(1)""#, "<script>alert(1)</script>", "a\u{1B}]0;x\u{7}b", "x\"]\nclick n_a evil",
      "</font>>]; evil", "\\", "%%{init: {}}%%", "&lt;b&gt;", "\u{202E}txt", "`x`", "#quot;", "|x|",
    ])
  func `text of the author stays text`(evil: String) throws {
    let graph = StateGraph(
      name: evil, description: evil, start: Routes(to: ["a"]),
      nodes: [
        "a": Node(
          "a", kind: evil, description: evil,
          next: Routes([Route(when: try Expression(JSON.string(evil).text), to: .nodes(["a"])), Route(to: .nodes([]))]))
      ])
    #expect(
      graph.text.unicodeScalars.allSatisfy { $0 == "\n" || !Self.controls.contains($0.properties.generalCategory) })
    #expect(graph.mermaid.split(separator: "\n").count == 7)
    #expect(
      !graph.mermaid.contains("<script") && !graph.mermaid.contains("%%") && !graph.mermaid.contains("click x \""))
    #expect(graph.dot.split(separator: "\n").count == 11)
    #expect(graph.dot.split(separator: "\n").allSatisfy(Self.isClosed))
  }

  private static let controls: Set<Unicode.GeneralCategory> = [.control, .format]

  /// Whether every quoted string ends on its line, and labels have no markup but ours.
  private static func isClosed(_ line: Substring) -> Bool {
    if let label = line.firstMatch(of: /\[label=<(.*)>\]/) {
      return !label.1.replacing(/<\/?(b|font|br\/)( [a-z-]+="[#0-9a-z]+")*>/, with: "").contains {
        $0 == "<" || $0 == ">"
      }
    }
    return line.replacing(/\\./, with: "").count { $0 == "\"" }.isMultiple(of: 2)
  }

  private var graph: StateGraph {
    get throws {
      let reading = GraphReader().read(
        """
        graph: review
        description: Draft & check.
        state: { draft: {}, notes: { reduce: append } }
        start: write
        nodes:
          write:
            description: Draft it
            set: { draft: 1 }
            next: check
          check:
            verify: [{ expect: .draft }]
            next:
              - { when: (.draft | length) > 2, to: publish }
              - { each: .notes, parallel: 2, to: each-note }
            on-error: write
          publish: { shell: ./publish.sh, when: .draft, next: end }
          each-note: { shell: true }
          join: { wait: 1s, after: [publish, check] }

        """)
      #expect(reading.problems == [])
      return try #require(reading.graph)
    }
  }
}
