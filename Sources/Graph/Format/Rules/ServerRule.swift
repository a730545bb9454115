import Foundation
import OrderedCollections

/// A server that a node names is one of the graph, or of the server file beside it.
struct ServerRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    let entries = draft.root["servers"]?.members ?? []
    return entries.flatMap { problems(of: $0, in: draft) } + strangers(to: Set(entries.map(\.key)), in: draft)
  }

  /// A server that says where it is from must be there.
  private func problems(of entry: YAMLNode.Member, in draft: Draft) -> [Problem] {
    guard let source = entry.value["from"], let name = source.text, let folder = Self.folder(of: draft) else {
      return []
    }
    do throws(ServerFileError) {
      let file = try ServerFile(contentsOf: "\(folder)/\(name)")
      guard file.servers[entry.key] == nil else { return [] }
      return [
        Problem(
          at: source.position, "\(shown(name)) has no server \(shown(entry.key))",
          hint: Suggestion.hint(for: entry.key, in: file.servers.keys.elements))
      ]
    } catch {
      return [Problem(at: source.position, "the server file \(shown(name)) \(error.reason)")]
    }
  }

  private func strangers(to declared: Set<String>, in draft: Draft) -> [Problem] {
    let unknown = draft.parts.servers.filter { !declared.contains($0.name) }
    guard !unknown.isEmpty, let folder = Self.folder(of: draft) else { return [] }
    do throws(ServerFileError) {
      let file = try ServerFile(besideGraphIn: folder)
      let known = draft.graph.servers.keys.elements + (file?.servers.keys.elements ?? [])
      return unknown.filter { file?.servers[$0.name] == nil }.map { server in
        Problem(
          at: server.position, "there is no server \(shown(server.name))",
          hint: Suggestion.hint(for: server.name, in: known)
            ?? "describe it under \"servers\", or in \(ServerFile.names[0]) beside the graph")
      }
    } catch {
      return unknown.prefix(1).map { Problem(at: $0.position, "no server \(shown($0.name)) here, and \(error)") }
    }
  }

  /// `nil` for a text that is no file: then a server file may yet turn up.
  private static func folder(of draft: Draft) -> String? {
    draft.graph.source?.path.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
  }
}
