import Foundation
import OrderedCollections

/// A timeout leaves an effect in doubt, so a node whose effect may happen only once is not tried again after one.
struct RetryRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    draft.graph.nodes.values.compactMap { node in
      guard node.retry?.kinds?.contains("timeout") == true, draft.format(of: node)?.isOnce(node) == true else {
        return nil
      }
      let retry = draft.yaml(of: node.name)?["retry"]?["on"] ?? draft.root["defaults"]?["retry"]?["on"]
      let position = retry?.items?.first { $0.text == "timeout" }?.position ?? draft.position(of: node.name)
      return Problem(
        at: position, "after a timeout nobody knows whether \(node.name) did its work; it must not simply run again",
        hint: "say \"effects: repeatable\" if that does no harm, give it a \"check\", or leave out timeout")
    }
  }
}

/// Names of variables are what the file says; the dangerous ones have values that the file says too.
struct EnvironmentRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    draft.parts.variables.compactMap { variable in
      if !variable.value.expressions.isEmpty, LoaderVariables.contains(variable.name) {
        return Problem(
          at: variable.position, "\(variable.name) decides what programs load or run; an expression may not give it",
          hint: "write its value in the file")
      }
      guard variable.value.expressions.isEmpty, let text = variable.value.string, Self.isKey(text, variable.name) else {
        return nil
      }
      return Problem(
        .warning, at: variable.position, "the value of \(variable.name) looks like a key",
        hint: "list its name under \"secrets\" and write \"${{ $secrets.\(variable.name) }}\"")
    }
  }

  private static let prefixes = [
    "AKIA", "ASIA", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "sk-", "xoxb-", "xoxp-", "hf_", "AIza",
    "-----BEGIN",
  ]

  private static func isKey(_ value: String, _ name: String) -> Bool {
    if prefixes.contains(where: { value.hasPrefix($0) && value.count >= 16 }) { return true }
    let words = name.uppercased().split(separator: "_")
    let isNamed = words.contains { ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "APIKEY"].contains($0) }
    let isOpaque = value.count >= 12 && !value.contains { $0 == " " || $0 == "/" || $0 == "." }
    return isNamed && isOpaque && value.contains(where: \.isNumber)
  }
}

/// Files that a graph names are relative to its folder and stay below it, links followed.
struct FileRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    draft.parts.files.compactMap { file in
      Self.mistake(in: file.name, of: draft.graph.source?.path).map { message in
        Problem(at: file.position, message, hint: "name a file in the graph's folder or below it")
      }
    }
  }

  static func mistake(in name: String, of graph: String?) -> String? {
    if name.hasPrefix("/") || name.hasPrefix("~") {
      return "the file \(shown(name)) is not relative to the graph's folder"
    }
    if name.split(separator: "/").contains("..") { return "the file \(shown(name)) leaves the graph's folder" }
    guard let graph else { return nil }
    let folder = URL(fileURLWithPath: graph).deletingLastPathComponent().resolvingSymlinksInPath()
    let file = folder.appendingPathComponent(name).resolvingSymlinksInPath()
    let isBelow = file.path.hasPrefix(folder.path == "/" ? "/" : folder.path + "/")
    return isBelow ? nil : "the file \(shown(name)) leads out of the graph's folder through a link"
  }
}
