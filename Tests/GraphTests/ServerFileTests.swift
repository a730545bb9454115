import Foundation
import Testing

@testable import Graph

@Suite("Servers of a graph and of the file beside it")
struct ServerFileTests {
  let folder = NSTemporaryDirectory() + "graphrun-servers-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  func problems(
    servers: String, node: String = "docker", file: String? = nil, named: String = "mcp.json"
  ) throws
    -> [String]
  {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    if let file { try file.write(toFile: "\(folder)/\(named)", atomically: true, encoding: .utf8) }
    let text = """
      graph: g
      servers: \(servers)
      start: list
      nodes:
        list: { mcp: { server: \(node), tool: list_containers } }
      """
    return GraphReader().read(text, path: folder + "/g.graph").problems.map(\.description)
  }

  @Test func `a server of the graph is known`() throws {
    #expect(try problems(servers: "{ docker: { command: uvx, args: [mcp-server-docker], startup: 2m } }") == [])
  }

  @Test(arguments: ["mcp.json", ".mcp.json"]) func `a server of the file beside the graph is known`(name: String) throws
  {
    let file = "{\"mcpServers\": {\"docker\": {\"command\": \"uvx\"},}} // the end"
    #expect(try problems(servers: "{}", file: file, named: name) == [])
  }

  @Test func `VS Code's spelling is known`() throws {
    #expect(try problems(servers: "{}", file: "{\"servers\": {\"docker\": {\"command\": \"uvx\"}}}") == [])
  }

  @Test func `a server of neither is a mistake, with what was meant`() throws {
    let near = try problems(servers: "{ docker: { command: uvx } }", node: "dokcer")
    #expect(near == ["5:26: error: there is no server \"dokcer\" (did you mean \"docker\"?)"])
    let far = try problems(servers: "{}")
    #expect(
      far == [
        "5:26: error: there is no server \"docker\" (describe it under \"servers\", or in mcp.json beside the graph)"
      ])
  }

  @Test func `a server says where it is from, and is there`() throws {
    let file = "{\"mcpServers\": {\"docker\": {\"command\": \"uvx\"}}}"
    #expect(try problems(servers: "{ docker: { from: my.json, trust: true } }", file: file, named: "my.json") == [])
  }

  @Test func `a file that is not there or not readable is named`() throws {
    #expect(try problems(servers: "{ docker: { from: my.json } }").first?.contains("my.json\" is not there") == true)
  }

  @Test func `a broken file is named with its place`() throws {
    let problems = try problems(servers: "{}", file: "{\"mcpServers\": {\n  \"docker\" 1}}")
    #expect(problems.first?.contains("line 2, column 12") == true)
  }

  @Test(arguments: [
    ("{\"a\": 1,}", "{\"a\": 1 }"), ("[1, /* x, */ ]", "[1           ]"), ("\"// no, ]\"", "\"// no, ]\""),
    ("{} // c", "{}     "), ("[\"\\\",]\", ]", "[\"\\\",]\"  ]"), ("/*/ ]", "     "),
  ]) func `comments and last commas become spaces`(text: String, blanked: String) {
    #expect(String(decoding: JSONComments.blanked(Array(text.utf8)), as: UTF8.self) == blanked)
  }
}
