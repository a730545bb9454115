import Foundation
import Subprocess
import SystemPackage
import Testing

@Suite("What a shell completes")
struct CompletionTests {
  private static let graph = "graph: g\nstate: { a: {} }\nstart: n\nnodes: { n: { set: { a: 1 } } }\n"

  /// What bash offers for the last of `words`.
  private func offers(_ tool: Tool, _ words: String...) async throws -> [String] {
    let script = """
      source <("$1" --generate-completion-script bash)
      COMP_WORDS=("$@"); COMP_WORDS=("${COMP_WORDS[@]:0}"); COMP_CWORD=$(($# - 1))
      COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
      function="$(complete -p graphrun)"; function="${function##*-F }"
      "${function%% *}" "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let result = try await run(
      .name("bash"), arguments: Arguments(["-c", script, "bash", Tool.path] + words),
      workingDirectory: FilePath(tool.folder.path), output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    #expect(result.standardError == "")
    return result.standardOutput.split(separator: "\n").map(String.init)
  }

  @Test func `threads that there are, and none that was deleted`() async throws {
    let tool = try Tool(["g.graph": Self.graph])
    defer { tool.remove() }
    for name in ["one", "other", "two"] { #expect(try await tool("run", "g", "--thread", name).code == 0) }
    #expect(try await tool("delete", "other").code == 0)
    #expect(Set(try await offers(tool, "show", "")) == ["one", "two"])
    #expect(try await offers(tool, "show", "o") == ["one"])
    #expect(try await offers(tool, "show", "--state", "nowhere", "") == [])
  }

  @Test func `the first word is a command or a graph, and what follows a graph is what run takes`() async throws {
    let tool = try Tool(["review.graph": Self.graph, "reviews.txt": ""])
    defer { tool.remove() }
    #expect(try await offers(tool, "re") == ["resume", "rehearse", "review.graph"])
    #expect(try await offers(tool, "review.graph", "--th") == ["--thread"])
    #expect(try await offers(tool, "run", "rev") == ["review.graph"])
    #expect(try await offers(tool, "threads", "rev") == [])
  }

  @Test(arguments: [("zsh", "_files -g '*.graph' && ret=0"), ("fish", "(__fish_complete_suffix .graph)")])
  func `so it is in the other shells`(shell: String, part: String) async throws {
    let tool = try Tool()
    defer { tool.remove() }
    let script = try await tool("--generate-completion-script", shell)
    #expect(script.code == 0 && script.output.contains(part))
  }
}
