import ArgumentParser
import Foundation
import Graph
import GraphNodes
import GraphRuntime

/// Which servers a person means.
struct ServerChoice: Sendable {
  let desk: ServerDesk

  /// The servers meant, or where none is named all there are.
  let name: Meaning

  enum Meaning: Sendable {
    case all
    case named(String)
    case url(String)
    case command([String])
  }

  init(desk: ServerDesk, name: Meaning) {
    self.desk = desk
    self.name = name
  }

  /// - Parameters:
  ///   - word: a graph (where `mayBeGraph`), the name of a server, or a URL.
  ///   - graph: the graph whose servers are meant.
  init(
    _ word: String?, graph: String?, command: [String], inputs: [Assignment], mayBeGraph: Bool, quiet: Bool
  ) throws {
    let environment = ProcessInfo.processInfo.environment
    let here = ServerDesk(folder: FileManager.default.currentDirectoryPath, environment: environment)
    func desk(of file: String) throws -> ServerDesk {
      let graph = try GraphLookup().graph(named: file, quiet: quiet)
      return try ServerDesk(graph, inputs: Assignment.object(inputs), environment: environment)
    }
    if !command.isEmpty {
      self.init(desk: here, name: .command(command))
    } else if let word, word.hasPrefix("http://") || word.hasPrefix("https://") {
      self.init(desk: here, name: .url(word))
    } else if let graph {
      self.init(desk: try desk(of: graph), name: word.map(Meaning.named) ?? .all)
    } else if let word, !word.contains("/"), try here.names().contains(word) {
      self.init(desk: here, name: .named(word))
    } else if let word, mayBeGraph {
      guard try here.names().isEmpty || (try? GraphLookup.path(of: word)) != nil else {
        throw UsageError(
          "\"\(word)\" is neither a graph nor a server of \(Self.file) (it has \(try here.names().spoken))")
      }
      self.init(desk: try desk(of: word), name: .all)
    } else {
      self.init(desk: here, name: word.map(Meaning.named) ?? .all)
    }
  }

  static let file = ServerFile.names.joined(separator: " or ")

  /// A server, or why what is said of it cannot be used.
  typealias Found = Result<ServerDesk.Server, ServerTrouble>

  /// - Parameter only: the one that is meant among them.
  func servers(only: String? = nil) async throws -> [Found] {
    if let only { return [.success(try await desk.server(only))] }
    switch name {
    case .named(let name): return [.success(try await desk.server(name))]
    case .url(let url): return [.success(try desk.server(at: url))]
    case .command(let words): return [.success(try desk.server(of: words))]
    case .all:
      let names = try desk.names()
      guard !names.isEmpty else {
        throw UsageError(
          "there are no servers: none in the graph, no \(Self.file) beside it; name one: graphrun tools -- COMMAND")
      }
      var servers: [Found] = []
      for name in names {
        do { servers.append(.success(try await desk.server(name))) } catch let trouble as ServerTrouble {
          servers.append(.failure(trouble))
        }
      }
      return servers
    }
  }
}

/// Ends the servers of `desk` when `body` does, however that ends.
func closing<Value: Sendable>(_ desk: ServerDesk, _ body: () async throws -> Value) async throws -> Value {
  do {
    let value = try await body()
    await desk.close()
    return value
  } catch {
    await desk.close()
    throw error
  }
}

extension ServerDesk.Server {
  /// The whole command, or the address.
  var place: String { command.map { $0.map(\.quotedForShell).joined(separator: " ") } ?? url ?? "" }
}

extension [String] {
  fileprivate var spoken: String { joined(separator: ", ") }
}
