import Foundation
import Graph
import Testing

@Suite("A new graph")
struct NewTests {
  static let templates = ["blank", "shell", "agent", "approval", "map", "verify"]

  @Test(arguments: templates) func `is valid, and its scenarios pass and come by all of it`(
    template: String
  ) async throws {
    let tool = try Tool()
    defer { tool.remove() }
    let made = try await tool("new", "trial", "--template", template)
    #expect(made.code == 0 && made.output.contains("wrote trial.graph\nwrote trial.rehearsal.yaml\n"), "\(made.error)")
    #expect(made.output.contains("graphrun rehearse trial"))
    let validated = try await tool("validate", "trial")
    #expect(validated.code == 0 && validated.error == "", "\(validated.error)")
    let played = try await tool("rehearse", "trial", "--json")
    #expect(played.code == 0, "\(played.output)\(played.error)")
    let all = try #require(try played.lines().last)
    #expect(all["nodes"]?["never"] == [] && all["routes"]?["never"] == [], "\(all.text)")
    #expect(try played.lines().allSatisfy { $0["unused"] == nil })
    #expect(tool.read("trial.graph").hasPrefix("# yaml-language-server: $schema=.schema/graph.json\n"))
    #expect(!tool.read("trial.graph").contains("NAME") && !tool.read("trial.rehearsal.yaml").contains("NAME"))
    let schema = try JSON(parsing: tool.read(".schema/graph.json"))
    #expect(schema["title"] == "graphrun graph")
  }

  @Test(arguments: ["blank", "shell", "map", "verify"]) func `runs to its end`(template: String) async throws {
    let tool = try Tool()
    defer { tool.remove() }
    #expect(try await tool("new", "trial", "--template", template).code == 0)
    let ran = try await tool("trial")
    #expect(ran.code == 0, "\(ran.output)\(ran.error)")
    let again = try await tool("trial")
    #expect(again.code == 0, "\(again.output)\(again.error)")
  }

  @Test func `of the template approval does nothing unapproved`() async throws {
    let tool = try Tool()
    defer { tool.remove() }
    #expect(try await tool("new", "trial", "--template", "approval").code == 0)
    #expect(try await tool("trial", "--thread", "t").code == 3)
    #expect(try await tool("resume", "t", "--answer", "publish").code == 3)
    #expect(tool.read("trial.txt") == "")
    #expect(try await tool("resume", "t", "--answer", "true").code == 0)
    #expect(tool.read("trial.txt") == "We have moved.\n")
  }

  @Test func `is written into graphs where there is such a folder`() async throws {
    let tool = try Tool(["graphs/other.graph": ""])
    defer { tool.remove() }
    let made = try await tool("new", "trial.graph", "--json")
    #expect(try made.lines() == [["files": ["graphs/trial.graph", "graphs/trial.rehearsal.yaml"]]])
    #expect(tool.read("graphs/trial.graph").contains("graph: trial\n"))
    #expect(try await tool("run", "trial").code == 0)
  }

  @Test(arguments: ["trial.graph", "trial.rehearsal.yaml"]) func `overwrites nothing`(file: String) async throws {
    let tool = try Tool([file: "mine\n", ".schema/graph.json": "{}\n"])
    defer { tool.remove() }
    let made = try await tool("new", "trial")
    #expect(made.code == 2 && made.error.contains("\(file) is there already"))
    #expect(tool.read(file) == "mine\n")
    let others = ["trial.graph", "trial.rehearsal.yaml"].filter { $0 != file }
    #expect(others.allSatisfy { tool.read($0) == "" })
    #expect(try await tool("new", "another").code == 0)
    #expect(tool.read(".schema/graph.json") == "{}\n")
  }

  @Test func `is not written through a link`() async throws {
    let tool = try Tool()
    defer { tool.remove() }
    let link = tool.folder.appending(path: "trial.graph").path
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "elsewhere")
    #expect(try await tool("new", "trial").code == 2)
    #expect(tool.read("elsewhere") == "")
  }

  @Test(arguments: ["../trial", "a/b", "", "-x", "a b", ".hidden", String(repeating: "a", count: 65), "é"])
  func `has a name that is no path`(name: String) async throws {
    let tool = try Tool()
    defer { tool.remove() }
    #expect(try await tool("new", "--", name).code == 2)
    #expect(try FileManager.default.contentsOfDirectory(atPath: tool.folder.path) == [])
  }

  @Test(arguments: ["true", "null", "12"]) func `may be called what YAML takes for something else`(
    name: String
  ) async throws {
    let tool = try Tool()
    defer { tool.remove() }
    #expect(try await tool("new", name).code == 0)
    #expect(try await tool("rehearse", name).code == 0)
  }

  @Test func `of an unknown template is none`() async throws {
    let tool = try Tool()
    defer { tool.remove() }
    let made = try await tool("new", "trial", "--template", "magic")
    #expect(made.code == 2 && made.error.contains("approval"))
  }
}
