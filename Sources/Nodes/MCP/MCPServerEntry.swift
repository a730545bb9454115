import Foundation
import Graph
import GraphRuntime

/// A server as a server file describes it, with the variables in it (`${NAME}`) expanded.
struct MCPServerEntry {
  private let name: String
  private let entry: JSON
  private let file: String
  private let task: TaskContext

  init(_ name: String, _ entry: JSON, file: String, _ task: TaskContext) {
    self.name = name
    self.entry = entry
    self.file = file
    self.task = task
  }

  func endpoint() throws(ServerFileError) -> MCPServerConfiguration.Endpoint {
    if entry["disabled"] == true { throw failure("is disabled") }
    if entry["envFile"] != nil {
      throw failure("names an envFile, which is not read; name its variables under env, as ${NAME}")
    }
    let folder = (file as NSString).deletingLastPathComponent
    if let program = try text("command") {
      let named = try map("env", mayBeSecret: true).map { (name: $0.name, value: $0.value) }
      return .process(
        MCPCommand(
          program: Self.program(program, in: folder), arguments: try list("args"),
          environment: MCPEnvironment(task).variables(with: named), folder: Self.path(try text("cwd") ?? "", in: folder)
        ))
    }
    let type = try text("type").flatMap { Self.kind($0) }
    let headers = try map("headers", mayBeSecret: true).map { MCPAddress.Header(name: $0.name, value: $0.value) }
    if let url = try text("httpUrl") { return .web(MCPAddress(url: url, headers: headers, kind: .streamable)) }
    let named = try text("url")
    if let url = try named == nil ? text("serverUrl") : named {
      return .web(MCPAddress(url: url, headers: headers, kind: type))
    }
    throw failure("has neither a command nor a url")
  }

  /// Clients spell the kinds in many ways; anything else is found out.
  static func kind(_ type: String) -> MCPAddress.Kind? {
    switch type.lowercased().filter({ $0 != "-" && $0 != "_" }) {
    case "http", "streamablehttp": .streamable
    case "sse": .sse
    default: nil
    }
  }

  /// A name is looked up in `PATH`, a path starts from `folder`.
  static func program(_ program: String, in folder: String) -> String {
    program.contains("/") ? path(program, in: folder) : program
  }

  static func path(_ path: String, in folder: String) -> String {
    if path.isEmpty { return folder }
    return path.hasPrefix("/") ? path : "\(folder)/\(path)"
  }

  // MARK: Fields

  private func text(_ key: String) throws(ServerFileError) -> String? {
    guard let value = entry[key], value != .null else { return nil }
    return try expanded(value, key)
  }

  private func list(_ key: String) throws(ServerFileError) -> [String] {
    var texts: [String] = []
    for (index, item) in (entry[key]?.arrayValue ?? []).enumerated() {
      texts.append(try expanded(item, "\(key)[\(index)]"))
    }
    return texts
  }

  private func map(
    _ key: String, mayBeSecret: Bool
  ) throws(ServerFileError) -> [(name: String, value: String)] {
    var texts: [(name: String, value: String)] = []
    for (name, value) in entry[key]?.objectValue ?? [:] where value != .null {
      texts.append((name, try expanded(value, "\(key).\(name)", mayBeSecret: mayBeSecret)))
    }
    return texts
  }

  private func expanded(_ value: JSON, _ key: String, mayBeSecret: Bool = false) throws(ServerFileError) -> String {
    var rest = value.argumentText[...]
    var text = ""
    while let start = rest.range(of: "${") {
      text += rest[..<start.lowerBound]
      guard let end = rest[start.upperBound...].firstIndex(of: "}") else { throw failure("\(key): ${ without }") }
      text += try self.value(of: String(rest[start.upperBound..<end]), key, mayBeSecret: mayBeSecret)
      rest = rest[rest.index(after: end)...]
    }
    text += rest
    guard !text.utf8.contains(0) else { throw failure("\(key): a text for a program cannot contain NUL") }
    return text
  }

  /// The value of `NAME`, `NAME:-default`, `env:NAME`, `workspaceFolder` or `userHome`.
  private func value(of variable: String, _ key: String, mayBeSecret: Bool) throws(ServerFileError) -> String {
    if variable == "workspaceFolder" { return task.folder }
    if variable == "userHome" { return task.environment["HOME"] ?? NSHomeDirectory() }
    let named = variable.hasPrefix("env:") ? String(variable.dropFirst(4)) : variable
    let cut = named.range(of: ":-")
    let name = cut.map { String(named[..<$0.lowerBound]) } ?? named
    guard !name.isEmpty, name.unicodeScalars.allSatisfy(\.isASCIIWord) else {
      throw failure("\(key): ${\(variable)} is no variable that is known here; ${NAME} is one of the environment")
    }
    if let secret = task.scope.variables["secrets"]?[name]?.stringValue {
      guard mayBeSecret else { throw failure("\(key): the secret \(name) may stand only in env and headers") }
      return secret
    }
    if let value = task.environment[name], !value.isEmpty || cut == nil { return value }
    guard let cut else {
      throw failure("\(key): the variable \(name) is not set; set it, or write ${\(name):-default}")
    }
    return String(named[cut.upperBound...])
  }

  private func failure(_ reason: String) -> ServerFileError {
    ServerFileError(path: file, reason: "the server \"\(name)\" \(reason)")
  }
}
